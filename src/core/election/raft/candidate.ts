/** How a voter becomes the leader: it asks who would vote for it, then for the votes. */
import { NEVER } from '../../time.ts';
import { becomeLeader } from './leader.ts';
import type { PreVote, Vote } from './message.ts';
import type { Sender } from './promise.ts';
import { majorityOf } from './quorum.ts';
import {
  askAgainSoon,
  becomeRole,
  canStand,
  isBound,
  rankDelayMs,
  releaseFor,
  save,
  send,
  type Turn,
} from './turn.ts';

/** Begins, repeats or renews this node's attempt to lead; does nothing while it is not its turn. */
export function campaign(turn: Turn): void {
  const { state, now, config } = turn;
  if (!canStand(turn)) return stopStanding(turn);
  const over = now >= state.campaignEndsAt;
  if (state.role === 'candidate' && !over) return askForVotes(turn);
  const self = { id: config.self, instance: config.instance };
  const release = releaseFor(turn, state.term + 1);
  if (isBound(turn, self, state.term + 1, release)) {
    state.electionAt = Math.max(state.abstainsUntil, state.promise?.until ?? now);
  } else if (release !== undefined) {
    startElection(turn);
  } else if (state.role === 'pre-candidate' && !over) {
    askForPreVotes(turn);
  } else {
    startPreVote(turn);
  }
}

function startPreVote(turn: Turn): void {
  const { state, now, config } = turn;
  state.cause = state.leaderHeardAt === undefined ? 'first' : 'holder-gone';
  state.campaignEndsAt = now + config.electionTimeoutMs;
  state.granted = bitOf(turn, config.self);
  becomeRole(turn, 'pre-candidate', undefined, 'leader-silent');
  if (hasMajority(turn)) startElection(turn);
  else askForPreVotes(turn);
}

/** Enters the next term and votes for itself (Raft §5.2). */
function startElection(turn: Turn): void {
  const { state, now, config } = turn;
  state.term += 1;
  const release = releaseFor(turn, state.term);
  if (release !== undefined) state.cause = release.forSelf ? 'handoff' : 'resigned';
  state.votedFor = config.self;
  state.granted = bitOf(turn, config.self);
  // Who names a successor has voted for it (leader.ts, voteAhead).
  if (release?.forSelf === true) state.granted |= bitOf(turn, release.leader);
  state.refused = 0;
  state.campaignEndsAt = now + config.electionTimeoutMs;
  becomeRole(turn, 'candidate', undefined, release ? 'leader-resigned' : 'pre-vote-won');
  save(turn);
  // Also of who is not needed any more: the request tells it that its promise is void.
  askForVotes(turn);
  if (hasMajority(turn)) becomeLeader(turn);
}

function askForPreVotes(turn: Turn): void {
  const { state, config } = turn;
  for (const voter of config.voters) {
    if ((state.granted & bitOf(turn, voter)) !== 0) continue;
    send(turn, voter, {
      kind: 'pre-vote-request',
      list: config.list,
      term: state.term + 1,
      holdMs: config.electionTimeoutMs,
    });
  }
  askAgainSoon(turn);
}

function askForVotes(turn: Turn): void {
  const { state, config } = turn;
  const release = releaseFor(turn, state.term);
  for (const voter of config.voters) {
    if (((state.granted | state.refused) & bitOf(turn, voter)) !== 0) continue;
    send(turn, voter, {
      kind: 'vote-request',
      list: config.list,
      term: state.term,
      holdMs: config.electionTimeoutMs,
      release: release && { leader: release.leader, instance: release.instance },
    });
  }
  askAgainSoon(turn);
}

export function countPreVote(turn: Turn, from: Sender, vote: PreVote): void {
  const { state } = turn;
  if (state.role !== 'pre-candidate' || !vote.granted || vote.term !== state.term + 1) return;
  state.granted |= bitOf(turn, from.id);
  if (hasMajority(turn)) startElection(turn);
}

export function countVote(turn: Turn, from: Sender, vote: Vote): void {
  const { state, config } = turn;
  if (state.role !== 'candidate') return;
  if (vote.granted) state.granted |= bitOf(turn, from.id);
  else state.refused |= bitOf(turn, from.id);
  if (hasMajority(turn)) return becomeLeader(turn);
  const left = config.voters.length - bitCount(state.refused);
  if (left >= majorityOf(config.voters.length)) return;
  becomeRole(turn, 'follower', undefined, 'election-lost');
  askAgainSoon(turn);
  state.electionAt += rankDelayMs(turn, state.rank);
}

/** Stands for nothing until it can again. Follows, votes and promises as before. */
export function stopStanding(turn: Turn): void {
  const { state } = turn;
  if (state.role !== 'follower') becomeRole(turn, 'follower', undefined, 'ineligible');
  else if (turn.now >= state.electionAt) becomeRole(turn, 'follower', undefined, 'leader-silent');
  if (turn.now >= state.electionAt) state.electionAt = NEVER;
}

function hasMajority(turn: Turn): boolean {
  return bitCount(turn.state.granted) >= majorityOf(turn.config.voters.length);
}

function bitOf(turn: Turn, voter: string): number {
  return 1 << turn.config.voters.indexOf(voter);
}

function bitCount(bits: number): number {
  let count = 0;
  for (let left = bits; left !== 0; left &= left - 1) count += 1;
  return count;
}
