import { execFileSync, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type IpAddress, parseIpAddress } from '../../src/core/address/ip.ts';
import type { LinkAddress } from '../../src/core/plan/state.ts';
import { type DeadlinePageHandle, loadBinding } from '../../src/dataplane/binding.ts';
import { type Gate, type GateOptions, type GateShape, openGate } from '../../src/dataplane/gate.ts';
import { Kernel, type Link } from '../../src/dataplane/kernel.ts';
import type { Namespace } from '../../src/demo/namespace.ts';
import { openSegment, type Segment } from '../lab/segment.ts';

export const VIP4 = '192.0.2.100';
export const VIP6 = '2001:db8::100';

/** Longer than a loaded machine keeps the keeper waiting. */
export const T_MS = 300;

/** What each of the shapes takes to be chosen. */
export const TESTING: Readonly<Record<GateShape, GateOptions['testing']>> = {
  netdev: { inetOnly: false, ownerless: false },
  inet: { inetOnly: true, ownerless: false },
};

/** A wire to a client in another network, and gates at this end of it. */
export interface GateRig {
  readonly segment: Segment;
  readonly kernel: Kernel;
  readonly page: DeadlinePageHandle;
  now(): number;
  /** Stores a deadline so many ms from now, in place of any other. */
  deadlineIn(ms: number): number;
  open(options?: Partial<GateOptions>): Promise<Gate>;
  /** The VIPs, on this end of the wire. */
  vips(): LinkAddress[];
  bind(): Promise<void>;
  unbind(): Promise<void>;
  /** Removes the gates and addresses that a test left. */
  tidy(): Promise<void>;
  /** Lays the wire anew. */
  relay(): Promise<void>;
  close(): Promise<void>;
}

export function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

export function onLink(link: Link, address: string): LinkAddress {
  const prefixLength = address.includes(':') ? 128 : 32;
  return { linkIndex: link.index, link: link.name, address: ip(address), prefixLength };
}

export async function openGateRig(name: string): Promise<GateRig> {
  let segment = await openSegment(name);
  const binding = loadBinding();
  const { page } = binding.createDeadlinePage();
  const kernel = new Kernel();
  const gates: Gate[] = [];
  const now = (): number => binding.bootTimeMs();
  const vips = (): LinkAddress[] => [VIP4, VIP6].map((vip) => onLink(segment.link, vip));
  addressEnds(segment);
  const unbind = async (): Promise<void> => {
    await kernel.deleteAddresses(vips());
  };
  const tidy = async (): Promise<void> => {
    for (const gate of gates.splice(0)) await gate.remove();
    await unbind();
  };
  return {
    get segment() {
      return segment;
    },
    kernel,
    page,
    now,
    deadlineIn: (ms) => {
      binding.storeDeadline(page, 0);
      const deadline = now() + ms;
      binding.storeDeadline(page, deadline);
      return deadline;
    },
    open: async (options = {}) => {
      const gate = await openGate({
        table: 'fairlead',
        page,
        timeoutMs: T_MS,
        onChanged: () => {},
        ...options,
      });
      gates.push(gate);
      return gate;
    },
    vips,
    bind: async () => {
      await kernel.addAddresses(
        vips().map((vip) => ({ ...vip, validSeconds: -1 })),
        Infinity,
      );
    },
    unbind,
    tidy,
    relay: async () => {
      segment = await segment.relay();
      addressEnds(segment);
    },
    close: async () => {
      await tidy();
      kernel.close();
      await segment.close();
    },
  };
}

/** Gives both ends of the wire addresses of their own. */
function addressEnds(segment: Segment): void {
  sh(`ip link set lo up; ip address add 192.0.2.1/24 dev ${segment.link.name}`);
  sh(`ip address add 2001:db8::1/64 dev ${segment.link.name} nodad`);
  far(segment, 'ip link set lo up');
  far(segment, `ip address add 192.0.2.2/24 dev ${segment.farLink.name}`);
  far(segment, `ip address add 2001:db8::2/64 dev ${segment.farLink.name} nodad`);
  // It asks again so soon, also about what did not answer it a moment ago.
  for (const family of ['ipv4', 'ipv6']) {
    const file = `/proc/sys/net/${family}/neigh/${segment.farLink.name}/retrans_time_ms`;
    far(segment, `echo 100 > ${file}`);
  }
}

/** What a command says, in this network. */
export function sh(command: string): string {
  return execFileSync('sh', ['-c', command], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** What a command says, in another network. */
export function inside(network: Namespace, command: string): string {
  const [executable, ...rest] = network.inside(['sh', '-c', command]);
  return execFileSync(executable, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** What a command says, in the client's network. */
export function far(segment: Segment, command: string): string {
  return inside(segment.far, command);
}

/** Whether the client, which has forgotten where it is, reaches the address. */
export function reaches(segment: Segment, address: string): boolean {
  far(segment, `ip neigh flush dev ${segment.farLink.name}`);
  const [executable, ...rest] = segment.far.inside(['ping', '-c1', '-W0.5', '-n', address]);
  return spawnSync(executable, rest, { stdio: 'ignore' }).status === 0;
}

/** What `reachedByTurns` says of a gate that works. */
export const ONLY_WHILE_OPEN: readonly (readonly boolean[])[] = [
  [false, false],
  [true, true],
  [false, false],
];

/** Whether the client reaches each VIP, bound behind a gate that is armed, opened, and closed. */
export async function reachedByTurns(rig: GateRig): Promise<readonly (readonly boolean[])[]> {
  const reached = (): boolean[] => [VIP4, VIP6].map((vip) => reaches(rig.segment, vip));
  const gate = await rig.open();
  await gate.arm(rig.vips());
  await rig.bind();
  const armed = reached();
  rig.deadlineIn(60_000);
  await gate.acquire();
  const open = reached();
  await gate.close();
  return [armed, open, reached()];
}

/** The MAC that the client has for the address. */
export function neighbour(segment: Segment, address: string): string | undefined {
  const said = far(segment, `ip neigh show ${address} dev ${segment.farLink.name}`);
  return /lladdr (\S+)/.exec(said)?.[1];
}

export async function until(done: () => boolean, withinMs = 2_000): Promise<number> {
  const started = performance.now();
  while (!done()) {
    if (performance.now() - started > withinMs) throw new Error(`not within ${withinMs} ms`);
    await sleep(1);
  }
  return performance.now() - started;
}
