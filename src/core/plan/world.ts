import type { IpAddress } from '../address/ip.ts';
import type { Algorithm, Backend } from './state.ts';

/** A network interface of this machine. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** Empty where the link has no hardware address of six bytes. */
  readonly mac: string;
  readonly up: boolean;
  readonly carrier: boolean;
  readonly loopback: boolean;
  /** The Router flag of its Neighbor Advertisements. */
  readonly ipv6Forwarding: boolean;
}

/** An address of this machine, with what tells ours from others'. */
export interface KernelAddress {
  readonly linkIndex: number;
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** Carries our owner tag. */
  readonly tagged: boolean;
}

/** A VIP as it was asked for. */
export interface WantedVip {
  readonly address: IpAddress;
  readonly prefixLength: number;
  /**
   * A link's name, a subnet (`192.0.2.0/24`) or a pattern (`eth*`); without it, the link whose
   * subnet has it.
   */
  readonly interface?: string | undefined;
}

/** A load balancer as it was asked for. */
export interface WantedBalancer {
  readonly name: string;
  readonly port: number;
  /** Listens on the VIPs, while this node holds them; else on every address, always. */
  readonly bindToVip: boolean;
  readonly backends: readonly Backend[];
  readonly algorithm: Algorithm;
  readonly proxyProtocol: 'none' | 'v2';
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxConnections: number;
  readonly drainSeconds: number;
}

/** Everything that the desired state depends on, at one instant. */
export interface World {
  readonly vips: readonly WantedVip[];
  readonly balancers: readonly WantedBalancer[];
  readonly announce: boolean;
  readonly links: readonly Link[];
  readonly addresses: readonly KernelAddress[];
  /** Whether this node may serve now: the right runs, and its end is not near. */
  readonly right: boolean;
  /** VIPs that must not be bound for now: they are being asked for, or left to who claims them. */
  readonly withheld: ReadonlySet<IpAddress>;
  /** This machine has a gate. */
  readonly gated: boolean;
  /** The daemon is on its way out: nothing is desired any more. */
  readonly leaving: boolean;
}

/** Why a VIP cannot be served from here. */
export type VipReason = 'link-missing' | 'link-ambiguous' | 'link-down' | 'no-carrier';

/** Whether there is no link for the VIP here, rather than one that is down for now. */
export function isUnplaced({ reason }: VipProblem): boolean {
  return reason === 'link-missing' || reason === 'link-ambiguous';
}

/** A VIP and the reason it cannot be served from here. */
export interface VipProblem {
  readonly vip: IpAddress;
  readonly reason: VipReason;
  /** The interface that was asked for, or the link that was found. */
  readonly interface: string;
}
