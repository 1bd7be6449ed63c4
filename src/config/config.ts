import type { IpAddress } from '../core/address/ip.ts';
import type { StatusRange } from '../core/health/check.ts';

/**
 * What this node was told to be: the whole outcome of file, environment and flags, checked, with
 * every default filled in. Frozen; a reload makes another one. The options behind it are in
 * `options.ts`.
 */
export interface Config {
  /** This node's name: `localPeer.id`, else the hostname. */
  readonly node: string;
  /** Tells two daemons of one machine apart: in lock, socket, state. */
  readonly instance: string;
  readonly localPeer?: Peer;
  /** The other voters, never this node. */
  readonly remotePeers: readonly Peer[];
  readonly vips: readonly VipOption[];
  /** A DNS name whose addresses are VIPs too, until `resolveNames` has put them into `vips`. */
  readonly vipName?: VipName;
  readonly gratuitousArp: boolean;
  readonly singleNode: boolean;
  readonly startAsLeader: boolean;
  readonly voterOnly: boolean;
  /** 0 to 255; the higher is the more eager to lead. */
  readonly priority: number;
  readonly election: ElectionTiming;
  readonly peerKeyFile?: string;
  readonly clusterId: string;
  readonly announceIntervalMs: number;
  readonly linkDownGraceMs: number;
  readonly foreignAddress: 'remove' | 'refuse';
  /** What is done about another machine that claims a VIP of ours. */
  readonly conflict: 'defend' | 'yield';
  readonly dataDir: string;
  readonly controlSocket: string;
  readonly logLevel: LogLevel;
  /** Threads of the forwarder, shared by all load balancers. */
  readonly threads: number;
  /** How long each of them asks for work before it sleeps; 0: not at all. */
  readonly busyPollUs: number;
  readonly loadBalancers: readonly LoadBalancer[];
}

/** A voter: where its datagrams come from and go to. */
export interface Peer {
  readonly id: string;
  readonly address: IpAddress;
  readonly port: number;
}

export interface VipOption {
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** A link's name, a pattern of names (`ens*`), or a CIDR that one of its addresses is in. */
  readonly interface?: string;
}

export interface VipName {
  readonly name: string;
  /** Of the IPv4 address; an IPv6 address is bound with 128. */
  readonly prefixLength: number;
  readonly interface?: string;
}

export interface ElectionTiming {
  readonly type: 'raft' | 'none';
  readonly heartbeatMs: number;
  readonly electionTimeoutMs: number;
  /** How long before the end of the right the fences' deadline falls. */
  readonly marginMs: number;
}

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

export type LoadBalancer = SocketLoadBalancer | HttpLoadBalancer;

/** What every kind of load balancer has. */
interface LoadBalancerBase {
  /** For people: logs and status. */
  readonly name: string;
  readonly port: number;
  /**
   * True: on the VIP only, while this node holds it. False: on every node, on all its addresses.
   */
  readonly bindToVip: boolean;
  /** How a backend is chosen for a connection. */
  readonly algorithm: 'round-robin' | 'least-connections' | 'source-hash';
  /** How a backend is told who the client is. */
  readonly proxyProtocol: 'none' | 'v2';
  readonly connectTimeoutMs: number;
  /** 0: never. */
  readonly idleTimeoutMs: number;
  readonly maxConnections: number;
  readonly drainSeconds: number;
}

export interface SocketLoadBalancer extends LoadBalancerBase {
  readonly type: 'tcp' | 'udp';
  readonly backends: readonly Backend[];
  /** Undefined: backends are not asked. */
  readonly healthCheck?: HealthCheckOption;
}

/** As written; `src/daemon/backends.ts` makes of it what `core/health` wants. */
export interface HealthCheckOption {
  readonly type: 'tcp' | 'http' | 'https';
  readonly port: number | undefined;
  readonly path: string | undefined;
  readonly host: string | undefined;
  readonly expectStatus: readonly StatusRange[] | undefined;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
  readonly slowStartMs: number;
  readonly panicPercent: number;
  readonly caFile: string | undefined;
  readonly insecure: boolean;
  readonly serverName: string | undefined;
}

export interface HttpLoadBalancer extends LoadBalancerBase {
  readonly type: 'http';
  readonly backends: readonly HttpBackend[];
}

export interface Backend {
  readonly address: IpAddress;
  readonly port: number;
  /** How much it takes against the others, up to 256; 0: no new connections. */
  readonly weight: number;
}

export interface HttpBackend {
  /** Absolute, of scheme http. */
  readonly url: string;
  /** As of {@link Backend}. */
  readonly weight: number;
}
