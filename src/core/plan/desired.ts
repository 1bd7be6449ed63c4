import { type IpAddress, ipFromBytes } from '../address/ip.ts';
import { placeVips } from './place.ts';
import {
  type Announcement,
  type DataplaneState,
  type LinkAddress,
  type Listener,
  listenerIdOf,
  NOTHING,
} from './state.ts';
import type { VipProblem, WantedBalancer, World } from './world.ts';

/** `::`: every address of the machine, of both families (ipv6(7), IPV6_V6ONLY off). */
export const ANY_ADDRESS: IpAddress = ipFromBytes(new Uint8Array(16));

/**
 * What the dataplane should do, and which VIPs it could not serve from here even with the right.
 */
export interface Desired {
  readonly state: DataplaneState;
  readonly problems: readonly VipProblem[];
  /** Where the VIPs belong that are withheld, as far as they could be announced there. */
  readonly withheld: readonly Announcement[];
}

/**
 * Decides what this node should serve in `world`. The right is an input: without it nothing that is
 * bound to the holder is desired, and so the plan that follows withdraws; there is no other way
 * out.
 */
export function desired(world: World): Desired {
  const placements = placeVips(world);
  const problems: VipProblem[] = [];
  const placed: LinkAddress[] = [];
  const addresses: LinkAddress[] = [];
  const announcements: Announcement[] = [];
  const withheld: Announcement[] = [];
  for (const placement of placements) {
    if (placement.kind === 'unplaced') {
      problems.push(placement.problem);
      continue;
    }
    const { vip, link } = placement;
    const item: LinkAddress = {
      linkIndex: link.index,
      link: link.name,
      address: vip.address,
      prefixLength: vip.prefixLength,
    };
    placed.push(item);
    const ready = link.up && link.carrier;
    if (!ready) {
      const reason = link.up ? 'no-carrier' : 'link-down';
      problems.push({ vip: vip.address, reason, interface: link.name });
    }
    // Without a carrier nobody would hear it; when the carrier comes back the schedule starts anew.
    const audible = ready && link.mac !== '';
    const announcement = { ...item, mac: link.mac, router: link.ipv6Forwarding };
    if (world.withheld.has(vip.address)) {
      if (audible) withheld.push(announcement);
      continue;
    }
    addresses.push(item);
    if (world.announce && audible) announcements.push(announcement);
  }
  // Whoever leaves takes the gate down whole, after everything else.
  const armed = world.gated ? placed : [];
  if (world.leaving) return { state: { ...NOTHING, armed }, problems, withheld: [] };
  const everywhere = world.balancers
    .filter((balancer) => !balancer.bindToVip)
    .map((balancer) => listener(balancer, ANY_ADDRESS));
  // Guard and gate know in advance what they may have to withdraw: an election is no time to wait
  // for an answer. Without a deadline the one does nothing, without the address the other.
  if (!world.right) {
    const state = { ...NOTHING, armed, guarded: placed, listeners: everywhere };
    return { state, problems, withheld: [] };
  }
  const onVips = world.balancers
    .filter((balancer) => balancer.bindToVip)
    .flatMap((balancer) => addresses.map((item) => listener(balancer, item.address)));
  return {
    state: {
      guarded: placed,
      armed,
      gate: armed.length > 0 ? 'open' : 'closed',
      addresses,
      foreign: [],
      listeners: [...everywhere, ...onVips],
      announcements,
    },
    problems,
    withheld,
  };
}

function listener(balancer: WantedBalancer, address: IpAddress): Listener {
  return {
    id: listenerIdOf(balancer.name, address, balancer.port),
    name: balancer.name,
    address,
    port: balancer.port,
    backends: balancer.backends,
    algorithm: balancer.algorithm,
    proxyProtocol: balancer.proxyProtocol,
    connectTimeoutMs: balancer.connectTimeoutMs,
    idleTimeoutMs: balancer.idleTimeoutMs,
    maxConnections: balancer.maxConnections,
    drainMs: balancer.drainSeconds * 1000,
  };
}
