import type { Instant } from '../time.ts';
import type { VipProblem } from './world.ts';

/** What decides whether this node can serve its VIPs if it were elected. */
export interface Condition {
  readonly problems: readonly VipProblem[];
  /** A VIP is bound here by something else, and the configuration or its subnet forbids to delete it. */
  readonly foreign: readonly string[];
  /** The guard runs and answers. */
  readonly guarded: boolean;
  /** This node holds the right now. */
  readonly holding: boolean;
}

/** Why this node cannot serve, in the words of status and logs; undefined when it can. */
export type IneligibleReason =
  | 'link-missing'
  | 'link-ambiguous'
  | 'link-down'
  | 'no-carrier'
  | 'foreign-address'
  | 'no-guard';

/** Since when a holder's links have been without a carrier. */
export interface EligibilityState {
  readonly troubledSince: Instant | undefined;
}

export interface Eligibility {
  readonly state: EligibilityState;
  readonly reason: IneligibleReason | undefined;
  /** When to ask again, if nothing changes before. */
  readonly reviewAt: Instant | undefined;
}

/**
 * Judges whether this node may be elected, or stay so (fencing.md A9).
 *
 * A holder whose link loses its carrier is given `linkDownGraceMs`, since a port that renegotiates is
 * back sooner than another node could take over; a node that does not hold has nothing to lose by
 * waiting until it is well.
 */
export function judgeEligibility(
  state: EligibilityState,
  condition: Condition,
  now: Instant,
  linkDownGraceMs: number,
): Eligibility {
  const well: EligibilityState = { troubledSince: undefined };
  if (!condition.guarded) return { state: well, reason: 'no-guard', reviewAt: undefined };
  if (condition.foreign.length > 0) {
    return { state: well, reason: 'foreign-address', reviewAt: undefined };
  }
  const [problem] = condition.problems;
  if (problem === undefined) return { state: well, reason: undefined, reviewAt: undefined };
  const troubledSince = state.troubledSince ?? now;
  const passing = problem.reason === 'no-carrier' || problem.reason === 'link-down';
  const reviewAt = troubledSince + linkDownGraceMs;
  if (condition.holding && passing && now < reviewAt) {
    return { state: { troubledSince }, reason: undefined, reviewAt };
  }
  return { state: { troubledSince }, reason: problem.reason, reviewAt: undefined };
}
