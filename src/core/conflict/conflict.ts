import type { Instant } from '../time.ts';

/**
 * What a holder does when another machine claims a VIP of its: RFC 5227 §2.4 (c) and (b), and the
 * same for IPv6.
 */
export type ConflictPolicy = 'defend' | 'yield';

/** Where this node stands with one VIP. */
export type Standing =
  /** Without the right nothing is asked and nothing claimed. */
  | { readonly kind: 'idle' }
  /** Nobody of ours is known to have held it, so it is to be asked for; there is no link yet. */
  | { readonly kind: 'waiting' }
  | { readonly kind: 'probing'; readonly sent: number; readonly nextAt: Instant }
  /** It may be served; until `firmUntil` it is not yielded. */
  | { readonly kind: 'clear'; readonly firmUntil: Instant }
  /** Left to the machine that claims it; asked for again at `until`. */
  | { readonly kind: 'yielded'; readonly until: Instant };

export interface ConflictState {
  readonly standing: Standing;
  /** How many claims of other machines were heard. */
  readonly claims: number;
  /** Who claimed it last. */
  readonly claimant: string | undefined;
  /** When a claim was last reported, and the VIP announced against it. */
  readonly answeredAt: Instant;
  /** Claims that came since. */
  readonly unanswered: number;
}

export const NO_CONFLICT: ConflictState = {
  standing: { kind: 'idle' },
  claims: 0,
  claimant: undefined,
  answeredAt: Number.NEGATIVE_INFINITY,
  unanswered: 0,
};

export type ConflictEvent =
  /** The right is here. `probe`: nobody of ours is known to have held this VIP before. */
  | { readonly kind: 'wanted'; readonly probe: boolean }
  | { readonly kind: 'unwanted' }
  /** There is a link to ask on, or there is none. */
  | { readonly kind: 'placed' }
  | { readonly kind: 'unplaced' }
  | { readonly kind: 'claimed'; readonly mac: string; readonly count: number }
  | { readonly kind: 'tick' };

export type ConflictEffect =
  | { readonly kind: 'probe' }
  /** Announce the VIP once more. */
  | { readonly kind: 'defend' }
  /** Tell people; `claims` came since the last time. */
  | { readonly kind: 'report'; readonly claims: number }
  /** The VIP is free again after it had been yielded. */
  | { readonly kind: 'freed' };

export interface ConflictStep {
  readonly state: ConflictState;
  readonly effects: readonly ConflictEffect[];
}

/** Fewer and closer than RFC 5227 §1.1 has them: a start waits for the last of them. */
const PROBES = 2;
const PROBE_INTERVAL_MS = 50;
/** RFC 5227 §1.1, DEFEND_INTERVAL: two defenders that answer each other must not fill the wire. */
export const DEFEND_INTERVAL_MS = 10_000;
/** Both forms of one announcement, or a frame that was under way when we took the VIP. */
const ONE_CLAIM_MS = 100;
/**
 * A former holder of ours whose fences have all failed but for the address's lifetime, 3 s, is no
 * reason to yield.
 */
const FIRM_MS = 5000;

/** Whether the VIP must not be bound for now. */
export function isWithheld({ standing }: ConflictState): boolean {
  return standing.kind !== 'idle' && standing.kind !== 'clear';
}

/** When the state wants a tick; undefined when only events move it. */
export function reviewAt({ standing, unanswered, answeredAt }: ConflictState): Instant | undefined {
  if (standing.kind === 'probing') return standing.nextAt;
  if (standing.kind === 'yielded') return standing.until;
  if (standing.kind === 'clear' && unanswered > 0) return answeredAt + DEFEND_INTERVAL_MS;
  return undefined;
}

/** Advances what is known of one VIP by one event. */
export function stepConflict(
  state: ConflictState,
  event: ConflictEvent,
  now: Instant,
  policy: ConflictPolicy,
): ConflictStep {
  const { standing } = state;
  switch (event.kind) {
    case 'wanted':
      return unchanged({ ...state, standing: begin(standing, event.probe, now) });
    case 'unwanted':
      // What this node has served is known to be ours; with what it only asked for it begins anew.
      if (standing.kind === 'clear') return unchanged({ ...state, unanswered: 0 });
      return unchanged({ ...state, standing: { kind: 'idle' }, unanswered: 0 });
    case 'placed':
      return standing.kind === 'waiting' ? ask(state, 1, now) : unchanged(state);
    case 'unplaced':
      // Nobody can be asked. It is bound as it would be without questions: a claim is heard later.
      if (standing.kind !== 'waiting') return unchanged(state);
      return unchanged({ ...state, standing: clear(now) });
    case 'claimed':
      return hear(state, event.mac, event.count, now, policy);
    case 'tick':
      return review(state, now, policy);
  }
}

function hear(
  before: ConflictState,
  mac: string,
  count: number,
  now: Instant,
  policy: ConflictPolicy,
): ConflictStep {
  if (before.standing.kind === 'idle') return unchanged(before);
  const state = {
    ...before,
    claims: before.claims + count,
    claimant: mac,
    unanswered: before.unanswered + count,
  };
  const answered = now - state.answeredAt;
  if (state.standing.kind === 'clear') {
    if (answered >= DEFEND_INTERVAL_MS) return answer(state, now);
    const { firmUntil } = state.standing;
    if (policy === 'defend' || answered < ONE_CLAIM_MS || now < firmUntil) return unchanged(state);
    // Defended in vain (RFC 5227 §2.4 (b)).
    return report({ ...state, standing: yielded(now) }, now);
  }
  if (policy === 'defend') return report({ ...state, standing: clear(now) }, now);
  const left = { ...state, standing: yielded(now) };
  const told = state.standing.kind === 'yielded' && answered < DEFEND_INTERVAL_MS;
  return told ? unchanged(left) : report(left, now);
}

function review(state: ConflictState, now: Instant, policy: ConflictPolicy): ConflictStep {
  const due = reviewAt(state);
  if (due === undefined || now < due) return unchanged(state);
  const { standing } = state;
  if (standing.kind === 'clear') return answer(state, now);
  if (standing.kind === 'yielded' && policy === 'yield') return ask(state, 1, now);
  if (standing.kind === 'probing' && standing.sent < PROBES) {
    return ask(state, standing.sent + 1, now);
  }
  const freed: readonly ConflictEffect[] = state.claims > 0 ? [{ kind: 'freed' }] : [];
  return { state: { ...state, standing: clear(now), unanswered: 0 }, effects: freed };
}

function ask(state: ConflictState, sent: number, now: Instant): ConflictStep {
  const standing = { kind: 'probing', sent, nextAt: now + PROBE_INTERVAL_MS } as const;
  return { state: { ...state, standing }, effects: [{ kind: 'probe' }] };
}

function answer(state: ConflictState, now: Instant): ConflictStep {
  const reported = report(state, now);
  return { ...reported, effects: [...reported.effects, { kind: 'defend' }] };
}

function report(state: ConflictState, now: Instant): ConflictStep {
  return {
    state: { ...state, answeredAt: now, unanswered: 0 },
    effects: [{ kind: 'report', claims: state.unanswered }],
  };
}

function begin(standing: Standing, probe: boolean, now: Instant): Standing {
  const known = standing.kind === 'clear';
  if (standing.kind !== 'idle' && !known) return standing;
  if (probe) return known ? standing : { kind: 'waiting' };
  return { kind: 'clear', firmUntil: now + FIRM_MS };
}

function clear(now: Instant): Standing {
  return { kind: 'clear', firmUntil: now };
}

function yielded(now: Instant): Standing {
  return { kind: 'yielded', until: now + DEFEND_INTERVAL_MS };
}

function unchanged(state: ConflictState): ConflictStep {
  return { state, effects: [] };
}
