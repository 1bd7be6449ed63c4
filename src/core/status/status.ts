/**
 * What a running daemon says of itself: the JSON of `fairlead status -o json`, and what the table
 * is drawn from. Fields are added, never renamed or removed: scripts read them.
 */
export interface Status {
  readonly apiVersion: 'fairlead.io/v1';
  readonly kind: 'Status';
  readonly node: string;
  readonly version: string;
  readonly fences: FenceStatus;
  readonly election: ElectionStatus;
  readonly vips: readonly VipStatus[];
  readonly listeners: readonly ListenerStatus[];
  /** The last time that this node took the VIPs; null since its start. */
  readonly lastTakeover: TakeoverStatus | null;
  /**
   * What a person should know or change and that stops nothing: a missing key, two voters only, a
   * reload that was refused. Whole sentences without a period.
   */
  readonly warnings: readonly string[];
}

/** Which of the fences are at work (docs/explanation/fencing.md, C and D). */
export interface FenceStatus {
  /** How the guard runs, or `none` when it does not. */
  readonly guard: 'child' | 'parent' | 'none';
  readonly gate: 'nftables' | 'none';
  /** Null where there is none. */
  readonly gateState: GateStatus | null;
  /** Why there is none; null when there is one. */
  readonly gateProblem: string | null;
  /** The finite lifetime that VIPs are bound with; 0 when they are bound without. */
  readonly lifetimeSeconds: number;
}

export interface GateStatus {
  /** Rules on the VIPs' links, both ways; or, on older kernels, of the whole machine. */
  readonly shape: 'netdev' | 'inet';
  /** `nft flush ruleset` leaves the table alone while the daemon runs (Linux 6.9). */
  readonly owned: boolean;
  readonly open: boolean;
  /** Before how many VIPs it stands. */
  readonly armed: number;
  /** How often it was put back after somebody else had removed it. */
  readonly rebuilt: number;
  /** How often the machine had no time to keep it open, and it closed for some milliseconds. */
  readonly reopened: number;
}

export type ElectionRole =
  /** Serves. */
  | 'leader'
  /** Follows a leader, or waits for one. */
  | 'follower'
  /** Asks for votes. */
  | 'candidate'
  /** Started less than one promise ago, and takes part in nothing yet (fencing.md A1). */
  | 'abstaining'
  /** Takes no part; `problem` says why, or `ineligible` of a node without peers. */
  | 'stopped';

export interface ElectionStatus {
  readonly type: 'raft' | 'none';
  readonly role: ElectionRole;
  /** The node that serves, as far as this one knows; null when it knows of none. */
  readonly holder: string | null;
  readonly term: number;
  /** For how long this node has been in this role, in milliseconds. */
  readonly sinceMs: number;
  /** Why this node cannot be elected at present (no carrier, `voterOnly`); null when it can. */
  readonly ineligible: string | null;
  /** Why this node takes no part: another peer list, a twin with its id; null when it does. */
  readonly problem: string | null;
  /** The other voters, as configured. */
  readonly peers: readonly PeerStatus[];
}

export interface PeerStatus {
  readonly id: string;
  /** `192.0.2.1:10000` or `[2001:db8::1]:10000`. */
  readonly address: string;
  /** Since its last authenticated datagram, in milliseconds; null when none has come yet. */
  readonly lastSeenMs: number | null;
  /** What is wrong with what it sends: another key, another peer list; null when nothing is. */
  readonly problem: string | null;
}

export interface VipStatus {
  readonly address: string;
  readonly prefixLength: number;
  /** The link that it is or would be bound to; as configured when no such link exists. */
  readonly interface: string;
  /** Bound on this node. */
  readonly held: boolean;
  /** Announcements (ARP or NA, one a VIP and sending) since this node took it. */
  readonly announcements: number;
  /** How many claims of other machines were heard since the daemon began. */
  readonly conflicts: number;
  /** Whether anybody listens for them now: only a holder does. */
  readonly watched: boolean;
  /** The last of them: whose, and when by this machine's wall clock (RFC 3339). */
  readonly conflict: { readonly mac: string; readonly at: string } | null;
  /** Why it is not as it should be; null when it is. */
  readonly problem: string | null;
}

export interface ListenerStatus {
  readonly name: string;
  readonly type: 'tcp' | 'udp' | 'http';
  /** What it listens on; the VIP also while this node does not hold it and `open` is false. */
  readonly address: string;
  readonly port: number;
  readonly open: boolean;
  readonly connections: { readonly open: number; readonly total: number; readonly failed: number };
  readonly bytes: { readonly in: number; readonly out: number };
  readonly backends: readonly BackendStatus[];
  /** Why it could not be opened; null when it was, or need not be. */
  readonly problem: string | null;
}

export interface BackendStatus {
  readonly address: string;
  readonly port: number;
  /** Whether its probes pass. It is used all the same where too few of the others do. */
  readonly healthy: boolean;
  /** Whether its health is checked; if not, it counts as healthy. */
  readonly checked: boolean;
  /** Why it is not healthy; null when it is. */
  readonly problem: string | null;
  /** Its share of new connections, against those of the others; 0: it gets none. */
  readonly weight: number;
  readonly open: number;
  readonly total: number;
  /** Attempts to connect to it that came to nothing; the next backend was tried then. */
  readonly failed: number;
}

export interface TakeoverStatus {
  /** RFC 3339, by this machine's wall clock; for people. */
  readonly at: string;
  /** `holder-gone`, `handoff`, `resigned`, `first`: why there was a takeover. */
  readonly reason: string;
  /**
   * From the last sign of the former holder to the first announcement; null when there was none.
   */
  readonly gapMs: number | null;
}
