/**
 * Plays the daemon for guard.test.ts: a process of its own, because the story is that it is killed
 * or stopped. Binds addresses on lo under a guard, in the daemon's order, and prints one JSON line
 * for each thing that happens.
 */
import { parseIpAddress } from '../../src/core/address/ip.ts';
import { loadBinding } from '../../src/dataplane/binding.ts';
import { type GuardMode, startGuard } from '../../src/dataplane/guard.ts';
import { Kernel } from '../../src/dataplane/kernel.ts';

/** What the daemon is told, as JSON on its command line. */
export interface DaemonStory {
  /** VIPs to bind with their longest prefix. */
  readonly vips: readonly string[];
  /** Where the resignation goes: `from` is its text. */
  readonly resignTo: readonly { readonly address: string; readonly port: number }[];
  /** The deadline is always this far away, and stored every `renewEveryMs`; 0: it does not end. */
  readonly rightMs: number;
  /** 0: stored once. */
  readonly renewEveryMs: number;
  /** Memory that it holds, which the kernel frees before it closes the files of a dead process. */
  readonly ballastMb?: number;
  /** The mark of the frame that closes the gate, if there is one. */
  readonly closeMark?: number;
}

export type DaemonLine =
  | {
      readonly kind: 'serving';
      readonly guardPid: number;
      readonly guardMode: GuardMode;
      readonly deadline: number;
    }
  | { readonly kind: 'fired'; readonly deleted: number; readonly datagramsSent: number }
  | { readonly kind: 'deadline-refused' | 'replaced' | 'degraded' | 'restored' | 'orphaned' };

/** Written to, so that there are pages of it. */
let ballast = Buffer.alloc(0);

const MAX_PREFIX = { ipv4: 32, ipv6: 128 };

async function serve(story: DaemonStory): Promise<void> {
  ballast = Buffer.alloc((story.ballastMb ?? 0) * 2 ** 20, ballast.length + 1);
  const binding = loadBinding();
  const kernel = new Kernel();
  const lo = (await kernel.links()).find((link) => link.loopback);
  if (lo === undefined) throw new Error('there is no lo');
  const addresses = story.vips.map((vip) => ({
    linkIndex: lo.index,
    link: lo.name,
    address: ip(vip),
    prefixLength: vip.includes(':') ? MAX_PREFIX.ipv6 : MAX_PREFIX.ipv4,
    validSeconds: -1,
  }));
  const guard = await startGuard({
    onFired: ({ deleted, datagramsSent }) => print({ kind: 'fired', deleted, datagramsSent }),
    onReplaced: () => print({ kind: 'replaced' }),
    onDegraded: () => print({ kind: 'degraded' }),
    onRestored: () => print({ kind: 'restored' }),
    onOrphaned: () => print({ kind: 'orphaned' }),
  });
  const deadline = story.rightMs === 0 ? Infinity : binding.bootTimeMs() + story.rightMs;
  await guard.setGate(story.closeMark);
  guard.storeDeadline(deadline);
  await guard.guard(addresses);
  await guard.setResignation(
    story.resignTo.map(({ address, port }) => ({
      address: ip(address),
      port,
      payload: Buffer.from('resigned'),
    })),
  );
  const failures = await kernel.addAddresses(addresses, deadline);
  for (const failure of failures) if (failure !== undefined) throw failure;
  print({ kind: 'serving', guardPid: guard.pid ?? 0, guardMode: guard.mode, deadline });
  if (story.renewEveryMs === 0) return;
  setInterval(() => {
    const taken = guard.storeDeadline(binding.bootTimeMs() + story.rightMs);
    if (!taken) print({ kind: 'deadline-refused' });
  }, story.renewEveryMs);
}

function ip(text: string): ReturnType<typeof parseIpAddress> & string {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  return address;
}

function print(line: DaemonLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const story: DaemonStory = JSON.parse(process.argv[2] ?? '');
await serve(story);
