/**
 * One step in the making: a copy of the state to write in, and the effects so far. A turn lives
 * within one call of `stepRaft`; the values in the state are replaced, never changed.
 */
import { draw } from '../../prng.ts';
import type { Instant } from '../../time.ts';
import type { GiveUpReason, RoleReason } from '../election.ts';
import type { Message, Release } from './message.ts';
import { forbids, type Sender } from './promise.ts';
import type { Effect, HeardRelease, RaftConfig, RaftRole, RaftState } from './state.ts';

export interface Turn {
  readonly config: RaftConfig;
  readonly now: Instant;
  readonly state: { -readonly [Field in keyof RaftState]: RaftState[Field] };
  readonly effects: Effect[];
}

export function beginTurn(state: RaftState, now: Instant, config: RaftConfig): Turn {
  return { config, now, state: { ...state }, effects: [] };
}

export function send(turn: Turn, to: string, message: Message): void {
  turn.effects.push({ kind: 'send', to, message });
}

/** Has term and vote written, before whatever this turn sends from here on. */
export function save(turn: Turn): void {
  const { term, votedFor } = turn.state;
  // A term is often entered and voted in by one message: one writing is enough.
  if (turn.effects.at(-1)?.kind === 'save') turn.effects.pop();
  turn.effects.push({ kind: 'save', saved: { term, vote: votedFor ?? null } });
}

export function becomeRole(
  turn: Turn,
  role: RaftRole,
  leader: string | undefined,
  reason: RoleReason,
): void {
  const { state } = turn;
  if (state.role === role && state.leader === leader) return;
  state.role = role;
  state.leader = leader;
  turn.effects.push({ kind: 'role-changed', role, term: state.term, leader, reason });
}

/**
 * Enters a newer term, as a follower that knows no leader of it yet. A leader gives its right up in
 * this same step and before anything is answered: whoever is of a newer term may be about to lead.
 */
export function enterTerm(turn: Turn, term: number): void {
  const { state } = turn;
  if (state.role === 'leader') giveUp(turn, 'higher-term');
  else if (state.role !== 'follower') askAgainSoon(turn);
  state.term = term;
  state.votedFor = undefined;
  becomeRole(turn, 'follower', undefined, 'higher-term');
  save(turn);
}

/** Leads no more in this term: nothing makes a leader in a term but the term's election. */
export function stepDown(turn: Turn, reason: GiveUpReason): void {
  giveUp(turn, reason);
  becomeRole(turn, 'follower', undefined, reason);
}

function giveUp(turn: Turn, reason: GiveUpReason): void {
  const { state, now, config } = turn;
  const served =
    state.leading !== undefined && state.leading.rightEndsAt > Number.NEGATIVE_INFINITY;
  if (served) turn.effects.push({ kind: 'give-up-right', term: state.term, reason });
  state.leading = undefined;
  state.leaderHeardAt = now;
  // It comes after all others, which have a rank from it.
  state.electionAt = now + config.electionTimeoutMs + rankDelayMs(turn, config.voters.length);
}

/** Whether this node may be elected at all. */
export function canStand(turn: Turn): boolean {
  const { state, config } = turn;
  return state.obstacle === undefined && !config.voterOnly && !state.leaving;
}

/**
 * Whether this voter may not help `claimant` to lead `term`: it has started, or promised another.
 */
export function isBound(
  turn: Turn,
  claimant: Sender,
  term: number,
  release: Release | undefined,
): boolean {
  const { state, now } = turn;
  if (now < state.abstainsUntil) return true;
  return forbids(state.promise, claimant, term, release, now);
}

/**
 * The resignation that excuses the election of `term`, if this voter heard it: only that of the
 * leader of the term before. One that is older names a right that is long over, while the same
 * process may have been promised a newer one since.
 */
export function releaseFor(turn: Turn, term: number): HeardRelease | undefined {
  const { release } = turn.state;
  return release?.term === term - 1 ? release : undefined;
}

/** The stagger of the ranks: 30 ms each in the default profile (fencing.md A10). */
export function rankDelayMs(turn: Turn, rank: number): number {
  return (rank * turn.config.electionTimeoutMs) / 10;
}

/**
 * Has an election go on after 20 to 50 ms (in the default profile): soon, since a refusal often
 * means that somebody's promise has a few milliseconds left; and not all at once (fencing.md A10).
 */
export function askAgainSoon(turn: Turn): void {
  const { value, prng } = draw(turn.state.prng);
  turn.state.prng = prng;
  turn.state.electionAt = turn.now + turn.config.electionTimeoutMs * (1 / 15 + value / 10);
}
