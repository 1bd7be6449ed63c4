import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { HoldingChange } from '../../../src/demo/holding.ts';
import { untilReady } from '../../../src/demo/namespace.ts';
import type { Network } from '../../../src/demo/network.ts';
import type { Probe } from '../../../src/demo/probes.ts';
import { compile } from '../../lab/compile.ts';
import { startIpMonitor } from '../../lab/ip-monitor.ts';
import { milliseconds } from '../../lab/stalls.ts';
import { spawnTcpdump, untilListening } from '../../lab/tcpdump.ts';
import { type Claim, parseClaim } from './claims.ts';

/** An address of the segment that nobody has; the prober's broadcast requests come from it. */
const ASKER = '192.0.2.51';

/**
 * Three witnesses that are not ours, all by the wall clock: ip(8) tells who bound the VIP when, the
 * kernels of the nodes answer pings and ARP requests, and tcpdump tells who answered those.
 */
export interface Referees {
  /** In the order of the kernel's own queue, from the beginning on. */
  holding(): readonly HoldingChange[];
  /** Since the last `forget`. */
  readonly probes: Probe[];
  /** Since the last `forget`. */
  readonly claims: Claim[];
  forget(): void;
  /**
   * Whether the client asks. It does not while others are struck: asking costs a quarter of a
   * processor, which they would take over with.
   */
  ask(asking: boolean): void;
}

export async function startReferees(
  network: Network,
  vip: string,
  atClose: (end: () => void) => void,
): Promise<Referees> {
  const monitor = await startIpMonitor({ network, atClose });
  const claims = await watchClaims(network, vip, atClose);
  const { probes, ask } = await startProber(network, vip, atClose);
  ask(false);
  return {
    holding: () => monitor.holding(vip),
    probes,
    claims,
    forget: () => {
      probes.length = 0;
      claims.length = 0;
    },
    ask,
  };
}

async function watchClaims(
  network: Network,
  vip: string,
  atClose: (end: () => void) => void,
): Promise<Claim[]> {
  const number = vip
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('');
  // The sender's protocol address (RFC 826).
  const child = spawnTcpdump(network.middle, ['-i', 'br0', `arp[14:4] == 0x${number}`]);
  atClose(() => void child.kill());
  const claims: Claim[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const claim = parseClaim(line);
    if (claim !== undefined) claims.push(claim);
  });
  await untilListening(child);
  return claims;
}

async function startProber(
  network: Network,
  vip: string,
  atClose: (end: () => void) => void,
): Promise<Pick<Referees, 'probes' | 'ask'>> {
  const program = compile('test/native/prober.cc');
  const [executable, ...rest] = network.client.inside([program, 'eth0', vip, ASKER]);
  const child = spawn(executable, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  // Also one that does not ask.
  atClose(() => void child.kill('SIGKILL'));
  const ready = untilReady(child, 'probe the VIP');
  const probes: Probe[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const probe = parseProbe(line);
    if (probe !== undefined) probes.push(probe);
  });
  await ready;
  return { probes, ask: (asking) => void child.kill(asking ? 'SIGCONT' : 'SIGSTOP') };
}

/** A line of the prober. Which node answers pings is not told; who answers ARP is. */
function parseProbe(line: string): Probe | undefined {
  const [verdict, sent, answered] = line.split(' ');
  if (verdict === 'lost') return { sentAt: milliseconds(sent) };
  if (verdict !== 'answered') return undefined;
  return { sentAt: milliseconds(sent), answer: { at: milliseconds(answered), node: '' } };
}
