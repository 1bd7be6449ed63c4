/**
 * The election of one leader among few voters: Raft's (Ongaro and Ousterhout, "In Search of an
 * Understandable Consensus Algorithm", and Ongaro's thesis), without a log.
 *
 * Raft's terms and votes find a leader; they do not make it safe to serve. What does is the promise
 * (promise.ts) and the right that a majority of promises gives (right.ts): so votes may be
 * forgotten, files lost and terms repeated, and no disk stands in the way of a failover.
 *
 * One pure step: no clock, no chance, no input or output. A driver gives it events, performs the
 * effects in order, and ticks it at `nextWakeAt`. Terms are handled here for all roles; what
 * follows from a message is in follower.ts, candidate.ts and leader.ts.
 */
import { invariant } from '../../invariant.ts';
import { type Prng, seedPrng } from '../../prng.ts';
import { type Instant, NEVER } from '../../time.ts';
import { campaign, countPreVote, countVote, stopStanding } from './candidate.ts';
import {
  answerPreVoteRequest,
  answerVoteRequest,
  followHeartbeat,
  hearResignation,
} from './follower.ts';
import { countAck, handOff, leave, tickLeader, yieldToEligible } from './leader.ts';
import type { Message } from './message.ts';
import type { Sender } from './promise.ts';
import type { Effect, RaftConfig, RaftEvent, RaftState, SavedVote } from './state.ts';
import {
  beginTurn,
  canStand,
  enterTerm,
  isBound,
  rankDelayMs,
  send,
  stepDown,
  type Turn,
} from './turn.ts';

export interface RaftStep {
  readonly state: RaftState;
  /** To be performed strictly in this order, after those of the steps before. */
  readonly effects: readonly Effect[];
}

/**
 * The state of a process that starts: a follower that takes part in nothing before it cannot have
 * promised anything any more (fencing.md A1).
 *
 * @param saved what the process before this one had written, or term 0 and no vote.
 * @param seed bits from a good source; other ones in every process.
 */
export function startRaft(
  config: RaftConfig,
  saved: SavedVote,
  now: Instant,
  seed: number,
): RaftStep {
  const place = config.voters.indexOf(config.self);
  invariant(place !== -1, 'the voters include this node');
  invariant(config.abstainMs >= config.electionTimeoutMs, 'abstention outlasts own promises');
  const prng: Prng = seedPrng(seed);
  const rank = config.startAsLeader ? 0 : place + 1;
  const abstainsUntil = now + config.abstainMs;
  const state: RaftState = {
    role: 'follower',
    term: saved.term,
    votedFor: saved.vote ?? undefined,
    leader: undefined,
    leaderHeardAt: undefined,
    promise: undefined,
    release: undefined,
    abstainsUntil,
    rank,
    electionAt: abstainsUntil,
    campaignEndsAt: abstainsUntil,
    granted: 0,
    refused: 0,
    cause: 'first',
    leading: undefined,
    obstacle: 'starting',
    leaving: false,
    prng,
  };
  const turn = beginTurn(state, now, config);
  turn.state.electionAt += rankDelayMs(turn, rank);
  turn.effects.push({
    kind: 'role-changed',
    role: 'follower',
    term: state.term,
    leader: undefined,
    reason: 'started',
  });
  return turn;
}

/**
 * Advances the machine by one event.
 *
 * @param now read after the event was taken and before any of its effects is begun: a promise must
 *   not count from before the heartbeat's receipt, nor a right from after its sending.
 */
export function stepRaft(
  state: RaftState,
  event: RaftEvent,
  now: Instant,
  config: RaftConfig,
): RaftStep {
  const turn = beginTurn(state, now, config);
  switch (event.kind) {
    case 'tick':
      tick(turn);
      break;
    case 'received':
      receive(turn, event.from, event.message);
      break;
    case 'eligibility':
      changeEligibility(turn, event.obstacle);
      break;
    case 'handoff':
      handOff(turn, event.target);
      break;
    case 'leave':
      leave(turn);
      break;
    case 'fences-closed':
      if (turn.state.role === 'leader') stepDown(turn, 'fences-closed');
      break;
    case 'twin-heard':
      hearTwin(turn);
      break;
  }
  return turn;
}

/** When the machine wants its next tick; NEVER when only a message or another event can move it. */
export function nextWakeAt(state: RaftState): Instant {
  if (state.leading === undefined) return state.electionAt;
  return Math.min(state.leading.heartbeatAt, state.leading.leadsUntil);
}

function tick(turn: Turn): void {
  if (turn.now < nextWakeAt(turn.state)) return;
  if (turn.state.leading === undefined) campaign(turn);
  else tickLeader(turn, turn.state.leading);
}

function receive(turn: Turn, from: Sender, message: Message): void {
  const { state, config } = turn;
  if (from.id === config.self || !config.voters.includes(from.id)) return;
  // Two lists can have majorities that share nobody: nothing of the other's counts (fencing.md A5).
  if (message.list !== config.list) {
    turn.effects.push({ kind: 'peer-refused', peer: from.id, reason: 'other-list' });
    return;
  }
  // It asks for a term that its sender has not entered (thesis §9.6).
  if (message.kind === 'pre-vote-request') return answerPreVoteRequest(turn, from, message);
  // A voter that has a leader does not let a candidate's term disturb it (thesis §4.2.3).
  if (message.kind === 'vote-request' && isBound(turn, from, message.term, message.release)) {
    return send(turn, from.id, voteRefusal(turn));
  }
  if (message.term < state.term) return answerStale(turn, from, message);
  const expected = message.kind === 'pre-vote' && message.granted;
  if (message.term > state.term && !expected) enterTerm(turn, message.term);
  receiveInTerm(turn, from, message);
}

function voteRefusal(turn: Turn): Message {
  const { term } = turn.state;
  return { kind: 'vote', list: turn.config.list, term, granted: false };
}

/**
 * "If a server receives a request with a stale term number, it rejects the request" (Raft §5.1).
 */
function answerStale(turn: Turn, from: Sender, message: Message): void {
  if (message.kind !== 'heartbeat' && message.kind !== 'vote-request') return;
  const { term } = turn.state;
  send(turn, from.id, { kind: 'stale-term', list: turn.config.list, term });
}

function receiveInTerm(turn: Turn, from: Sender, message: Message): void {
  switch (message.kind) {
    case 'heartbeat':
      return followHeartbeat(turn, from, message);
    case 'heartbeat-ack':
      return countAck(turn, from, message);
    case 'pre-vote':
      return countPreVote(turn, from, message);
    case 'vote-request':
      return answerVoteRequest(turn, from, message);
    case 'vote':
      return countVote(turn, from, message);
    case 'resignation':
      return hearResignation(turn, from, message);
    case 'pre-vote-request':
    case 'stale-term':
      return;
  }
}

function changeEligibility(turn: Turn, obstacle: string | undefined): void {
  const { state } = turn;
  const wasEligible = state.obstacle === undefined;
  state.obstacle = obstacle;
  if (obstacle === undefined) {
    // Nobody may have led while this node waited: its turn comes at once, in the order of ranks.
    if (state.electionAt === NEVER) {
      state.electionAt = turn.now + rankDelayMs(turn, state.rank);
    }
  } else if (state.role === 'leader') {
    // Without a peer that could serve, a leader with trouble is still better than none.
    if (wasEligible) yieldToEligible(turn, 'ineligible');
  } else {
    stopStanding(turn);
  }
}

/**
 * Two processes are one voter that votes twice. This one stops serving, and speaks for nobody as
 * long as the other is heard (fencing.md A6).
 */
function hearTwin(turn: Turn): void {
  const { state, now, config } = turn;
  if (state.role === 'leader') stepDown(turn, 'twin');
  state.abstainsUntil = Math.max(state.abstainsUntil, now + 2 * config.electionTimeoutMs);
  stopStanding(turn);
  // Its turn may have come while it was not looking; that one is lost, and not the last.
  if (state.electionAt === NEVER && canStand(turn)) state.electionAt = state.abstainsUntil;
}
