/** What a voter gives: promises, votes, and words of what it would vote. */
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
  const granted =
    (state.votedFor === undefined || state.votedFor === from.id) &&
    state.role !== 'leader' &&
    request.holdMs <= config.electionTimeoutMs;
  if (granted) {
    state.votedFor = from.id;
    // Either it has ended, or it is to the candidate, or its holder has resigned.
    state.promise = undefined;
    state.electionAt = now + config.electionTimeoutMs + rankDelayMs(turn, state.rank);
    save(turn);
  }
  send(turn, from.id, { kind: 'vote', list: config.list, term: state.term, granted });
}

/**
 * The leader of this term serves no more. The successor that it named, or else the first by rank,
 * stands for election at once; the others when that one had its time.
 */
export function hearResignation(turn: Turn, from: Sender, resignation: Resignation): void {
  const { state, now, config } = turn;
  const leader = state.leader ?? state.promise?.leader;
  if (state.role === 'leader' || leader !== from.id) return;
  const forSelf = resignation.target === config.self;
  state.release = { leader: from.id, instance: from.instance, term: resignation.term, forSelf };
  becomeRole(turn, 'follower', undefined, 'leader-resigned');
  const turnsBefore = resignation.target === undefined ? state.rank : state.rank + 1;
  state.electionAt = now + (forSelf ? 0 : rankDelayMs(turn, turnsBefore));
  if (state.electionAt === now) campaign(turn);
}
