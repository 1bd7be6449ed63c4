import type { IpAddress } from '../address/ip.ts';

/** An address on a link, as the kernel keeps it. */
export interface LinkAddress {
  /** The kernel's index of the link. A link that is deleted and made again has another one. */
  readonly linkIndex: number;
  readonly link: string;
  readonly address: IpAddress;
  readonly prefixLength: number;
}

/** A VIP that is announced, and what the frames say. */
export interface Announcement extends LinkAddress {
  /** The link's hardware address. When it changes, neighbours must be told anew. */
  readonly mac: string;
  /** IPv6 only: whether the link forwards (RFC 4861 §4.4, the Router flag). */
  readonly router: boolean;
}

export interface Backend {
  readonly address: IpAddress;
  readonly port: number;
  /** How much it takes against the others; 0: no new connections. */
  readonly weight: number;
}

/** How a backend is chosen for a connection. */
export type Algorithm = 'round-robin' | 'least-connections' | 'source-hash';

/** One address and port that the forwarder accepts connections on. */
export interface Listener {
  /** See {@link listenerIdOf}. */
  readonly id: string;
  /** The load balancer's name, for people. */
  readonly name: string;
  /** A VIP, or `::` for every address of the machine, of both families. */
  readonly address: IpAddress;
  readonly port: number;
  readonly backends: readonly Backend[];
  readonly algorithm: Algorithm;
  /** How a backend is told who the client is. */
  readonly proxyProtocol: 'none' | 'v2';
  readonly connectTimeoutMs: number;
  /** 0: never. */
  readonly idleTimeoutMs: number;
  readonly maxConnections: number;
  readonly drainMs: number;
}

/**
 * What the dataplane does, or should do: desired and observed have this one type, so that what is
 * to be done is their difference. Each list is a set: its order means nothing.
 */
export interface DataplaneState {
  /** The addresses that the guard deletes when the fences' deadline passes or the daemon dies. */
  readonly guarded: readonly LinkAddress[];
  /** The addresses that the kernel neither takes nor sends for unless the gate is open. */
  readonly armed: readonly LinkAddress[];
  readonly gate: 'open' | 'closed';
  readonly addresses: readonly LinkAddress[];
  /** VIPs that something else bound here: never desired, and so deleted wherever they are seen. */
  readonly foreign: readonly LinkAddress[];
  readonly listeners: readonly Listener[];
  /** The addresses whose announcement schedule runs. */
  readonly announcements: readonly Announcement[];
}

/** The state of a machine that serves nothing. */
export const NOTHING: DataplaneState = {
  guarded: [],
  armed: [],
  gate: 'closed',
  addresses: [],
  foreign: [],
  listeners: [],
  announcements: [],
};

/** The `id` of a listener: the same for the same balancer, address and port. */
export function listenerIdOf(name: string, address: IpAddress, port: number): string {
  return `${name}@${address}:${port}`;
}

/** Identifies a link address among all of a machine. */
export function addressKey(item: LinkAddress): string {
  return `${item.linkIndex} ${item.address}/${item.prefixLength}`;
}

/** Identifies an announcement; another one begins when what the frames say changes. */
export function announcementKey(item: Announcement): string {
  return `${addressKey(item)} ${item.mac} ${item.router}`;
}

/** Changes whenever anything of the listener does. */
export function listenerKey(listener: Listener): string {
  const backends = listener.backends.map(
    ({ address, port, weight }) => `${address} ${port} ${weight}`,
  );
  return [
    listener.id,
    listener.algorithm,
    listener.proxyProtocol,
    listener.connectTimeoutMs,
    listener.idleTimeoutMs,
    listener.maxConnections,
    listener.drainMs,
    ...backends,
  ].join('|');
}
