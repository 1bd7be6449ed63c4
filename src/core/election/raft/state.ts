/**
 * The values of the election machine: what it is told, what it remembers, what it wants done.
 */

import type { Prng } from '../../prng.ts';
import type { Instant } from '../../time.ts';
import type { GiveUpReason, HandoffRefusal, RoleReason, TakeoverReason } from '../election.ts';
import type { Message, Release, Resignation } from './message.ts';
import type { GivenPromise, Sender } from './promise.ts';

/**
 * The part that a voter plays in the term that it is in (Raft §5.1; pre-candidate: thesis §9.6).
 */
export type RaftRole = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

/** Fixed from a process's start to its end. */
export interface RaftConfig {
  readonly self: string;
  /** All voters, this one included, sorted. */
  readonly voters: readonly string[];
  /** `listFingerprint` of the cluster's id and the voters. */
  readonly list: bigint;
  /** Random bits of this process start; not 0. */
  readonly instance: bigint;
  readonly heartbeatMs: number;
  /** How long a promise to this node lasts, and the longest that it gives. A whole number. */
  readonly electionTimeoutMs: number;
  /**
   * How long this process abstains from its start: the longest promise that the process before it
   * may have given. At least `electionTimeoutMs` (fencing.md A1; `StateFile.abstainMs`).
   */
  readonly abstainMs: number;
  /** 0 to 255. Orders the successors of a leader; a leader is never deposed for it. */
  readonly priority: number;
  /** Votes and promises, never leads. */
  readonly voterOnly: boolean;
  /** Stands for election first when nobody has led yet: rank 0, nothing more. */
  readonly startAsLeader: boolean;
}

/** What outlives a process. Losing it costs no safety (fencing.md A2, A3). */
export interface SavedVote {
  readonly term: number;
  readonly vote: string | null;
}

export type RaftEvent =
  /**
   * Time has passed. Due at `nextWakeAt`; earlier ticks do nothing. A driver that was stopped gives
   * the machine every datagram that waits before it ticks, or it would take its own sleep for the
   * leader's silence (fencing.md A11).
   */
  | { readonly kind: 'tick' }
  /** A message that the channel accepted; `from` is authenticated. */
  | { readonly kind: 'received'; readonly from: Sender; readonly message: Message }
  /**
   * Whether this node could serve, and else why not. It is not eligible until this is said first.
   */
  | { readonly kind: 'eligibility'; readonly obstacle: string | undefined }
  /** A person wants another leader: `target`, or whoever comes first. */
  | { readonly kind: 'handoff'; readonly target: string | undefined }
  /** This process is about to end: it gives up what it has, and stands for nothing any more. */
  | { readonly kind: 'leave' }
  /**
   * The fences are closed without our doing: the guard has fired, or could not be told of a
   * deadline. The right is over for the rest of the term. To be given before anything else that
   * waits.
   */
  | { readonly kind: 'fences-closed' }
  /** The channel has proof of a live process with this node's id. */
  | { readonly kind: 'twin-heard'; readonly instance: bigint };

/**
 * What the driver is to do, strictly in this order: an effect begins when the one before it is
 * done, also across steps. All but `give-up-right` are done at once.
 */
export type Effect =
  | { readonly kind: 'send'; readonly to: string; readonly message: Message }
  /** To be written; nobody waits for the disk. */
  | { readonly kind: 'save'; readonly saved: SavedVote }
  /**
   * This node may serve until `endsAt`: the first of a term gives the right, the others extend it.
   * The fences are told `fencesDeadline(endsAt, marginMs)`. When they do not take it:
   * `fences-closed`.
   */
  | { readonly kind: 'right-extended'; readonly term: number; readonly endsAt: Instant }
  /**
   * The right is over. Done only when the kernel has confirmed that nothing is served here: the
   * effects after it may let another node begin.
   */
  | { readonly kind: 'give-up-right'; readonly term: number; readonly reason: GiveUpReason }
  /**
   * What the guard is to send to every peer once it has withdrawn for us: sealed with
   * `sealPrepared` for each peer's session, and again whenever such a session changes. Worthless
   * when the right of `message.term` has been given up.
   */
  | { readonly kind: 'prepare-resignation'; readonly message: Resignation }
  /** For status and log: one a change. */
  | {
      readonly kind: 'role-changed';
      readonly role: RaftRole;
      readonly term: number;
      readonly leader: string | undefined;
      readonly reason: RoleReason;
    }
  /** The answer to `handoff` when nothing was begun. */
  | { readonly kind: 'handoff-refused'; readonly reason: HandoffRefusal }
  /** A peer says what cannot be followed; repeated for each message, so the driver folds it. */
  | { readonly kind: 'peer-refused'; readonly peer: string; readonly reason: PeerRefusal };

export type PeerRefusal =
  /** Its list of voters or its cluster is another (fencing.md A5). */
  | 'other-list'
  /** It wants promises for longer than this node's own election timeout (fencing.md A3). */
  | 'hold-too-long';

/** What a leader knows of another voter. */
export interface PeerProgress {
  /** The newest heartbeat of this term that it acknowledged; 0 for none. */
  readonly acknowledged: number;
  readonly heardAt: Instant;
  readonly eligible: boolean;
  readonly priority: number;
  /** The process that acknowledged last, and its own clock then. */
  readonly instance: bigint;
  readonly at: number;
}

/** What only a leader has. */
export interface Leadership {
  /** The newest heartbeat's sequence. */
  readonly sequence: number;
  /** When the newest heartbeats were sent, the newest last: the only source of the right's end. */
  readonly sentAt: readonly Instant[];
  /** In the order of the voters; its own entry stays as it began. */
  readonly peers: readonly PeerProgress[];
  readonly heartbeatAt: Instant;
  /** The end of the right; -Infinity while it has none. */
  readonly rightEndsAt: Instant;
  /** It steps down then, unless its right is extended before. */
  readonly leadsUntil: Instant;
}

/** A resignation that this voter has heard: good for the election of `term + 1`. */
export interface HeardRelease extends Release {
  readonly term: number;
  /** It named this node as the successor. */
  readonly forSelf: boolean;
  /** It promises itself to this process, which may count from then. */
  readonly promisedAt: Instant | undefined;
}

export interface RaftState {
  readonly role: RaftRole;
  readonly term: number;
  readonly votedFor: string | undefined;
  readonly leader: string | undefined;
  /** When a leader was last heard, this node included; undefined when none was, ever. */
  readonly leaderHeardAt: Instant | undefined;
  readonly promise: GivenPromise | undefined;
  readonly release: HeardRelease | undefined;
  /** Takes part in nothing before (fencing.md A1, A6). */
  readonly abstainsUntil: Instant;
  /** How many others go first when the leader is gone. */
  readonly rank: number;
  /** When a voter that does not lead acts next: stands for election, asks again, or gives up. */
  readonly electionAt: Instant;
  /** When an election that found no majority starts anew. */
  readonly campaignEndsAt: Instant;
  /** Who granted and who refused, a bit a voter. */
  readonly granted: number;
  readonly refused: number;
  /** Why the election that this node stands in has begun. */
  readonly cause: TakeoverReason;
  readonly leading: Leadership | undefined;
  /** Why this node could not serve; undefined when it could. */
  readonly obstacle: string | undefined;
  readonly leaving: boolean;
  readonly prng: Prng;
}
