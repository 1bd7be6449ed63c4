import type { IpAddress } from '../address/ip.ts';
import type { Instant } from '../time.ts';
import { isUnplaced, type VipProblem } from './world.ts';

/** What decides whether this node can serve its VIPs if it were elected. */
export interface Condition {
  readonly problems: readonly VipProblem[];
  /**
   * A VIP is bound here by something else, and the configuration or its subnet forbids to delete
   * it.
   */
  readonly foreign: readonly string[];
  /** The guard runs and answers. */
  readonly guarded: boolean;
  /** The gate could not be armed or opened in the last round. */
  readonly gateRefused: boolean;
  /** This node holds the right now. */
  readonly holding: boolean;
  /** The kernel refuses to bind a VIP here; seen only while this node holds the right. */
  readonly refused: boolean;
}

/**
 * The problems that speak against this node among those of its `count` VIPs. One VIP that has never
 * had a link here says more about the configuration than about the node, and is as likely on every
 * other: while the rest have their place, it must not keep all nodes from serving them.
 */
export function decisiveProblems(
  problems: readonly VipProblem[],
  count: number,
  placedBefore: ReadonlySet<IpAddress>,
): readonly VipProblem[] {
  const decisive = problems.filter(
    (problem) => placedBefore.has(problem.vip) || !isUnplaced(problem),
  );
  const neverPlaced = problems.length - decisive.length;
  return neverPlaced === count ? problems : decisive;
}

/** Why this node cannot serve, in the words of status and logs; undefined when it can. */
export type IneligibleReason =
  | 'link-missing'
  | 'link-ambiguous'
  | 'link-down'
  | 'no-carrier'
  | 'foreign-address'
  | 'no-guard'
  | 'no-gate'
  | 'cannot-bind';

/** What of the past counts. */
export interface EligibilityState {
  /** Since when there has been trouble without a break. */
  readonly troubledSince: Instant | undefined;
  /** The kernel refused a VIP; nobody tries again here before. */
  readonly unableUntil: Instant | undefined;
}

/** The state of a node that has had no trouble. */
export const NO_TROUBLE: EligibilityState = { troubledSince: undefined, unableUntil: undefined };

export interface Eligibility {
  readonly state: EligibilityState;
  readonly reason: IneligibleReason | undefined;
  /** When to ask again, if nothing changes before. */
  readonly reviewAt: Instant | undefined;
}

/** A guard that died is replaced at once: 20 ms here, where the next holder would need more. */
const GUARD_GRACE_MS = 100;
/** A refusal is tried again within 50 to 400 ms: what lasts for this long is none that passes. */
const REFUSAL_GRACE_MS = 1000;
/** Long enough that nodes which all cannot bind do not pass the right around all the time. */
const UNABLE_MS = 30_000;

/**
 * Judges whether this node may be elected, or stay so (fencing.md A9).
 *
 * A holder whose link loses its carrier is given `linkDownGraceMs`, since a port that renegotiates
 * is back sooner than another node could take over; a node that does not hold has nothing to lose
 * by waiting until it is well.
 */
export function judgeEligibility(
  state: EligibilityState,
  condition: Condition,
  now: Instant,
  linkDownGraceMs: number,
): Eligibility {
  if (condition.foreign.length > 0) {
    return { state: NO_TROUBLE, reason: 'foreign-address', reviewAt: undefined };
  }
  const { unableUntil } = state;
  // What was refused is not seen any more once the right is gone, and so it has to be remembered.
  if (unableUntil !== undefined && now < unableUntil) {
    return { state, reason: 'cannot-bind', reviewAt: unableUntil };
  }
  const trouble = troubleOf(condition, linkDownGraceMs);
  if (trouble === undefined) return { state: NO_TROUBLE, reason: undefined, reviewAt: undefined };
  const troubledSince = state.troubledSince ?? now;
  const reviewAt = troubledSince + trouble.graceMs;
  if (condition.holding && now < reviewAt) {
    return { state: { ...NO_TROUBLE, troubledSince }, reason: undefined, reviewAt };
  }
  if (trouble.reason === 'cannot-bind') {
    const until = now + UNABLE_MS;
    return {
      state: { troubledSince, unableUntil: until },
      reason: trouble.reason,
      reviewAt: until,
    };
  }
  const { reason } = trouble;
  return { state: { ...NO_TROUBLE, troubledSince }, reason, reviewAt: undefined };
}

function troubleOf(
  condition: Condition,
  linkDownGraceMs: number,
): { readonly reason: IneligibleReason; readonly graceMs: number } | undefined {
  if (!condition.guarded) return { reason: 'no-guard', graceMs: GUARD_GRACE_MS };
  const [problem] = condition.problems;
  if (problem === undefined && condition.gateRefused) {
    return { reason: 'no-gate', graceMs: REFUSAL_GRACE_MS };
  }
  if (problem === undefined) {
    return condition.refused ? { reason: 'cannot-bind', graceMs: REFUSAL_GRACE_MS } : undefined;
  }
  return { reason: problem.reason, graceMs: isUnplaced(problem) ? 0 : linkDownGraceMs };
}
