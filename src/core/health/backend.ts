/** One backend: what its probes have shown, and what it is worth now. */
import { type Instant, NEVER } from '../time.ts';
import type { Finding } from './check.ts';

/**
 * `unknown`: not judged yet, and as good as healthy. A load balancer that starts serves at once,
 * and a backend that is added takes its share at once; to wait for the first probes would be a gap
 * of our own making at every start. In return the first finding judges it, without waiting for
 * `fall` or `rise` of them. HAProxy does the same (`init-state up`, its default).
 */
export type HealthState = 'unknown' | 'healthy' | 'unhealthy';

export interface BackendHealth {
  readonly state: HealthState;
  /** Since when it is in this state. */
  readonly since: Instant;
  /** Probes in a row that passed; one of these two is 0. */
  readonly successes: number;
  readonly failures: number;
  /** What the last probe found; undefined before the first. */
  readonly last: { readonly finding: Finding; readonly at: Instant } | undefined;
  /** When its slow start began: it was unhealthy until then. Undefined where there was none. */
  readonly restoredAt: Instant | undefined;
}

/** How many findings of one kind in a row change the state. Both are at least 1. */
export interface HealthRule {
  readonly rise: number;
  readonly fall: number;
}

/** A backend of which nothing is known. */
export function unknownHealth(now: Instant): BackendHealth {
  return {
    state: 'unknown',
    since: now,
    successes: 0,
    failures: 0,
    last: undefined,
    restoredAt: undefined,
  };
}

/** What is known of a backend after one more probe. */
export function judge(
  health: BackendHealth,
  finding: Finding,
  now: Instant,
  rule: HealthRule,
): BackendHealth {
  const last = { finding, at: now };
  if (finding.verdict === 'inconclusive') return { ...health, last };
  const passed = finding.verdict === 'passed';
  const successes = passed ? health.successes + 1 : 0;
  const failures = passed ? 0 : health.failures + 1;
  const state = judgedState(health.state, successes, failures, rule);
  if (state === health.state) return { ...health, successes, failures, last };
  const restoredAt = health.state === 'unhealthy' ? now : undefined;
  return { state, since: now, successes, failures, last, restoredAt };
}

function judgedState(
  state: HealthState,
  successes: number,
  failures: number,
  { rise, fall }: HealthRule,
): HealthState {
  switch (state) {
    case 'unknown':
      return successes > 0 ? 'healthy' : 'unhealthy';
    case 'healthy':
      return failures >= fall ? 'unhealthy' : 'healthy';
    case 'unhealthy':
      return successes >= rise ? 'healthy' : 'unhealthy';
  }
}

/** Whether new connections may go to it as far as its own health says. */
export function isUsable({ state }: BackendHealth): boolean {
  return state !== 'unhealthy';
}

/** Whether the last findings speak against the state, so that the next one is wanted sooner. */
export function isInTransition({ state, successes, failures }: BackendHealth): boolean {
  return state === 'unhealthy' ? successes > 0 : failures > 0;
}

/** A slow start goes from one tenth to the whole in nine steps. */
const RAMP_STEPS = 9;

/**
 * What a backend is worth by its own health: 0 when it is unhealthy, less than `weight` while it
 * starts slowly, and never more. A weight of 1 cannot be less, so a slow start needs weights of 10
 * or more to be seen.
 *
 * @param weight - As configured: an integer, 0 for a backend that is being drained.
 */
export function weightOf(
  health: BackendHealth,
  weight: number,
  now: Instant,
  slowStartMs: number,
): number {
  if (weight === 0 || !isUsable(health)) return 0;
  const share = (1 + rampLevel(health, now, slowStartMs)) / (1 + RAMP_STEPS);
  return Math.max(1, Math.round(weight * share));
}

/** When the next step of a slow start is due; NEVER when it is over, or there is none. */
export function nextRampAt(health: BackendHealth, now: Instant, slowStartMs: number): Instant {
  const level = rampLevel(health, now, slowStartMs);
  if (health.restoredAt === undefined || level === RAMP_STEPS) return NEVER;
  return health.restoredAt + (level + 1) * rampStepMs(slowStartMs);
}

function rampLevel({ restoredAt }: BackendHealth, now: Instant, slowStartMs: number): number {
  if (restoredAt === undefined || slowStartMs === 0) return RAMP_STEPS;
  // An Instant has fractions: at the very instant of a step the quotient may be a little short.
  const level = Math.floor((now - restoredAt) / rampStepMs(slowStartMs) + 1e-3);
  return Math.min(RAMP_STEPS, Math.max(0, level));
}

function rampStepMs(slowStartMs: number): number {
  return Math.ceil(slowStartMs / RAMP_STEPS);
}
