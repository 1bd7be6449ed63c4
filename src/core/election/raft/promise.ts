/**
 * The promise: what keeps two nodes from serving at once.
 *
 * A voter that acknowledges a heartbeat promises its sender to acknowledge, vote for, pre-vote for
 * and be nobody else for `holdMs`. A leader's right rests on the promises of a majority, any two
 * majorities share a voter, and one promise is in force at a time: so no two rights overlap,
 * whatever terms, votes and files say (fencing.md A3, which is the argument of PaxosLease).
 */
import type { Instant } from '../../time.ts';
import type { Release } from './message.ts';

/** One process of one voter: what a promise is given to. */
export interface Sender {
  readonly id: string;
  /** Drawn at every process start: two processes with one id are two (fencing.md A6). */
  readonly instance: bigint;
}

/** What this voter promised last. In force until `until`, or until its holder resigns. */
export interface GivenPromise {
  readonly leader: string;
  readonly instance: bigint;
  readonly term: number;
  readonly until: Instant;
}

/** Whether the promise forbids to help `claimant` lead `term`. */
export function forbids(
  promise: GivenPromise | undefined,
  claimant: Sender,
  term: number,
  release: Release | undefined,
  now: Instant,
): boolean {
  if (promise === undefined || now >= promise.until) return false;
  if (isHolder(promise, claimant)) return false;
  return release === undefined || !voids(release, promise, term);
}

function isHolder(promise: GivenPromise, claimant: Sender): boolean {
  return promise.leader === claimant.id && promise.instance === claimant.instance;
}

/**
 * Whether a resignation excuses an election for `term` from the promise: it does so for the leader
 * that resigned alone, and for the very next term. A datagram that was late or came twice can name
 * no other (fencing.md A4).
 */
function voids(release: Release, promise: GivenPromise, term: number): boolean {
  return (
    release.leader === promise.leader &&
    release.instance === promise.instance &&
    term === promise.term + 1
  );
}
