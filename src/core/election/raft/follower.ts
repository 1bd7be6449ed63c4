/** What a voter gives: promises, votes, and words of what it would vote. */
import type { Instant } from '../../time.ts';
import { campaign } from './candidate.ts';
import type { Heartbeat, PreVoteRequest, Resignation, VoteRequest } from './message.ts';
import { forbids, type Sender } from './promise.ts';
import {
  becomeRole,
  canStand,
  isBound,
  rankDelayMs,
  releaseFor,
  save,
  send,
  type Turn,
} from './turn.ts';

/**
 * Follows the leader of this term, and acknowledges its heartbeat: which is to promise, from now
 * and for `holdMs`, to acknowledge and vote for nobody else.
 */
export function followHeartbeat(turn: Turn, from: Sender, heartbeat: Heartbeat): void {
  const { state, now, config } = turn;
  // Two leaders of one term are possible where votes were forgotten; this one has promised itself.
  if (state.role === 'leader') return;
  const release = releaseFor(turn, heartbeat.term);
  if (forbids(state.promise, from, heartbeat.term, release, now)) return;
  state.leaderHeardAt = now;
  state.rank = heartbeat.rank;
  state.electionAt = now + config.electionTimeoutMs + rankDelayMs(turn, heartbeat.rank);
  becomeRole(turn, 'follower', from.id, 'leader-heard');
  if (now < state.abstainsUntil) return;
  // Our own successor would abstain for our election timeout only, should we restart now (A3).
  if (heartbeat.holdMs > config.electionTimeoutMs) {
    turn.effects.push({ kind: 'peer-refused', peer: from.id, reason: 'hold-too-long' });
    return;
  }
  state.promise = {
    leader: from.id,
    instance: from.instance,
    term: heartbeat.term,
    until: now + heartbeat.holdMs,
  };
  send(turn, from.id, {
    kind: 'heartbeat-ack',
    list: config.list,
    term: state.term,
    sequence: heartbeat.sequence,
    eligible: canStand(turn),
    priority: config.priority,
    at: Math.floor(now),
  });
}

/**
 * Says whether this voter would vote for the sender. It binds nobody to anything, and disturbs no
 * term: a node that was cut off comes back without deposing the leader (thesis §9.6).
 */
export function answerPreVoteRequest(turn: Turn, from: Sender, request: PreVoteRequest): void {
  const { state, config } = turn;
  const granted =
    request.term > state.term &&
    request.holdMs <= config.electionTimeoutMs &&
    state.role !== 'leader' &&
    !isBound(turn, from, request.term, undefined);
  const term = granted ? request.term : state.term;
  send(turn, from.id, { kind: 'pre-vote', list: config.list, term, granted });
}

/**
 * Votes, once a term, first come first served (Raft §5.2). The promise has been looked at before.
 */
export function answerVoteRequest(turn: Turn, from: Sender, request: VoteRequest): void {
  const { state, now, config } = turn;
  const free = state.votedFor === undefined || state.votedFor === from.id;
  const granted =
    (free || cedes(turn, from)) &&
    state.role !== 'leader' &&
    request.holdMs <= config.electionTimeoutMs;
  if (granted) {
    if (state.role === 'candidate') becomeRole(turn, 'follower', undefined, 'ceded');
    state.votedFor = from.id;
    // Either it has ended, or it is to the candidate, or its holder has resigned.
    state.promise = undefined;
    state.electionAt = now + config.electionTimeoutMs + rankDelayMs(turn, state.rank);
    save(turn);
  }
  send(turn, from.id, { kind: 'vote', list: config.list, term: state.term, granted });
}

/**
 * Whether this candidate leaves the term to another one, that stands before it in the list. Where
 * the leader is gone for good two candidates are all that is left of three, and each would wait in
 * vain for the other's vote until the term is over. It has voted for nobody but itself, and counts
 * no vote from here on: still nobody is elected by a vote that somebody else was elected by.
 */
function cedes({ state, config }: Turn, to: Sender): boolean {
  const own = config.voters.indexOf(config.self);
  return state.role === 'candidate' && config.voters.indexOf(to.id) < own;
}

/**
 * The leader of this term serves no more. The successor that it named, or else the first by rank,
 * stands for election at once; the others when that one had its time.
 */
export function hearResignation(turn: Turn, from: Sender, resignation: Resignation): void {
  const { state, now, config } = turn;
  const followed = state.leader ?? state.promise?.leader;
  if (state.role === 'leader' || followed !== from.id) return;
  const forSelf = resignation.target === config.self;
  const promisedAt = forSelf ? promisedFrom(turn, resignation) : undefined;
  const { id: leader, instance } = from;
  state.release = { leader, instance, term: resignation.term, forSelf, promisedAt };
  becomeRole(turn, 'follower', undefined, 'leader-resigned');
  const turnsBefore = resignation.target === undefined ? state.rank : state.rank + 1;
  state.electionAt = now + (forSelf ? 0 : rankDelayMs(turn, turnsBefore));
  if (state.electionAt === now) campaign(turn);
}

/**
 * Since when, by this node's clock, the resigned leader may be counted as promised to this process.
 * A promise to a former process is not ours, and one that ends sooner than our rights is none.
 */
function promisedFrom({ now, config }: Turn, { promise }: Resignation): Instant | undefined {
  if (promise?.instance !== config.instance || promise.holdMs < config.electionTimeoutMs) {
    return undefined;
  }
  return Math.min(promise.at, now);
}
