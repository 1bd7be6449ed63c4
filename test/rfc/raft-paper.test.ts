/**
 * Sentences of "In Search of an Understandable Consensus Algorithm" (Ongaro and Ousterhout,
 * extended version) and of Ongaro's thesis that hold for an election without a log, each with its
 * section.
 */
import { expect, test } from 'vitest';
import { majorityOf, newestByMajority } from '../../src/core/election/raft/quorum.ts';
import { heartbeat, Subject, voteRequest } from '../core/election/raft/subject.ts';

test('§5.1: "If one server\'s current term is smaller than the other\'s, then it updates its current term to the larger value"', () => {
  const voter = new Subject({}, { term: 3, vote: null });
  expect(voter.hear(1000, 'b', heartbeat(8))).toContain('save term 8, vote none');
  expect(voter.state.term).toBe(8);
});

test('§5.1: "If a candidate or leader discovers that its term is out of date, it immediately reverts to follower state"', () => {
  const leader = new Subject().elect(400);
  expect(leader.state.role).toBe('leader');
  leader.hear(410, 'c', { kind: 'stale-term', term: 6 });
  expect(leader.state).toMatchObject({ role: 'follower', term: 6 });
});

test('§5.1: "If a server receives a request with a stale term number, it rejects the request"', () => {
  const voter = new Subject({}, { term: 3, vote: null });
  expect(voter.hear(1000, 'b', heartbeat(2))).toEqual(['send b stale-term of term 3']);
  expect(voter.hear(1000, 'b', voteRequest(2))).toEqual(['send b stale-term of term 3']);
});

test('§5.2: "When servers start up, they begin as followers"', () => {
  expect(new Subject().state.role).toBe('follower');
  expect(new Subject({ startAsLeader: true }).state.role).toBe('follower');
});

test('§5.2: "To begin an election, a follower increments its current term and transitions to candidate state. It then votes for itself and issues RequestVote"', () => {
  const voter = new Subject();
  voter.tickUntil(400);
  expect(voter.hear(400, 'b', { kind: 'pre-vote', term: 1, granted: true })).toEqual([
    'candidate in term 1: pre-vote-won',
    'save term 1, vote a',
    'send b vote-request of term 1 holdMs 300',
    'send c vote-request of term 1 holdMs 300',
  ]);
});

test('§5.2: "A candidate wins an election if it receives votes from a majority of the servers in the full cluster for the same term"', () => {
  const candidate = new Subject({ voters: ['a', 'b', 'c', 'd', 'e'] });
  candidate.tickUntil(400);
  const vote = (from: string, term: number): string => (
    candidate.hear(400, from, { kind: 'vote', term, granted: true }), candidate.state.role
  );
  for (const from of ['b', 'c']) {
    candidate.hear(400, from, { kind: 'pre-vote', term: 1, granted: true });
  }
  expect([vote('b', 1), vote('b', 1), vote('c', 0), vote('c', 1)]).toEqual([
    'candidate',
    'candidate',
    'candidate',
    'leader',
  ]);
});

test('§5.2: "Each server will vote for at most one candidate in a given term, on a first-come-first-served basis"', () => {
  const voter = new Subject();
  expect(voter.hear(1000, 'b', voteRequest(1)).at(-1)).toBe('send b vote of term 1 granted true');
  expect(voter.hear(1000, 'c', voteRequest(1)).at(-1)).toBe('send c vote of term 1 granted false');
  expect(voter.hear(1000, 'b', voteRequest(1)).at(-1)).toBe('send b vote of term 1 granted true');
});

test('§5.2: "Once a candidate wins an election, it becomes leader. It then sends heartbeat messages to all of the other servers"', () => {
  const candidate = new Subject();
  candidate.tickUntil(400);
  candidate.hear(400, 'b', { kind: 'pre-vote', term: 1, granted: true });
  expect(candidate.hear(401, 'b', { kind: 'vote', term: 1, granted: true })).toEqual([
    'leader of a in term 1: first',
    'send b heartbeat of term 1 sequence 1 holdMs 300 rank 0',
    'send c heartbeat of term 1 sequence 1 holdMs 300 rank 1',
  ]);
});

test('§5.2: "If the leader\'s term is at least as large as the candidate\'s current term, then the candidate recognizes the leader as legitimate and returns to follower state"', () => {
  const candidate = new Subject();
  candidate.tickUntil(400);
  candidate.hear(400, 'b', { kind: 'pre-vote', term: 1, granted: true });
  expect(candidate.hear(401, 'c', heartbeat(1))[0]).toBe('follower of c in term 1: leader-heard');
});

test('§5.2: "When this happens, each candidate will time out and start a new election"', () => {
  const candidate = new Subject();
  candidate.tickUntil(400);
  candidate.hear(400, 'b', { kind: 'pre-vote', term: 1, granted: true });
  for (const from of ['b', 'c']) {
    candidate.hear(401, from, { kind: 'vote', term: 1, granted: false });
  }
  expect(candidate.state.role).toBe('follower');
  expect(candidate.tickUntil(500)[0]).toBe('pre-candidate in term 1: leader-silent');
});

test('thesis §4.2.3: "if a server receives a RequestVote request within the minimum election timeout of hearing from a current leader, it does not update its term or grant its vote"', () => {
  const voter = new Subject();
  voter.hear(1000, 'b', heartbeat(1));
  expect(voter.hear(1299, 'c', voteRequest(2))).toEqual(['send c vote of term 1 granted false']);
  expect(voter.state.term).toBe(1);
});

test('thesis §9.6: "a candidate only increments its term if it first learns from a majority of the cluster that they would be willing to grant it their votes"', () => {
  const cutOff = new Subject();
  expect(cutOff.tickUntil(60_000).length).toBeGreaterThan(100);
  expect(cutOff.state).toMatchObject({ role: 'pre-candidate', term: 0 });
});

test('thesis §3.10: a transfer\'s target "starts a new election" without waiting', () => {
  const target = new Subject({ voters: ['a', 'b', 'c', 'd', 'e'] });
  target.hear(1000, 'b', heartbeat(1));
  target.hear(1010, 'b', { kind: 'resignation', term: 1, target: 'a', promise: undefined });
  expect(target.state).toMatchObject({ role: 'candidate', term: 2 });
});

test('any two majorities share a voter', () => {
  for (let voters = 1; voters <= 9; voters += 1) {
    expect(2 * majorityOf(voters)).toBeGreaterThan(voters);
  }
  expect(newestByMajority([7, 0, 5])).toBe(5);
  expect(newestByMajority([7, 0, 0])).toBe(0);
  expect(newestByMajority([7, 6, 5, 4])).toBe(5);
  expect(newestByMajority([3])).toBe(3);
});
