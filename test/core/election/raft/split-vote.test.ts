import { expect, test } from 'vitest';
import { Subject, voteRequest } from './subject.ts';

/** A candidate of term 1, in a group whose other voters have not answered. */
function candidate(self: 'a' | 'b'): Subject {
  const subject = new Subject({ self });
  subject.tickUntil(400);
  subject.hear(400, 'c', { kind: 'pre-vote', term: 1, granted: true });
  expect(subject.state.role).toBe('candidate');
  return subject;
}

test('a candidate votes for one that stands before it in the list, and stands no more', () => {
  const b = candidate('b');
  expect(b.hear(401, 'a', voteRequest(1))).toEqual([
    'follower in term 1: ceded',
    'save term 1, vote a',
    'send a vote of term 1 granted true',
  ]);
});

test('a candidate keeps its vote from one that stands after it', () => {
  const a = candidate('a');
  expect(a.hear(401, 'b', voteRequest(1))).toEqual(['send b vote of term 1 granted false']);
  expect(a.state.role).toBe('candidate');
});

test('a vote that comes after it has ceded makes nobody a leader', () => {
  const b = candidate('b');
  b.hear(401, 'a', voteRequest(1));
  expect(b.hear(402, 'c', { kind: 'vote', term: 1, granted: true })).toEqual([]);
});

test('who has voted for another candidate does not vote again', () => {
  const c = new Subject({ self: 'c' });
  c.hear(400, 'b', voteRequest(1));
  expect(c.hear(401, 'a', voteRequest(1))).toEqual(['send a vote of term 1 granted false']);
});

test('two candidates that alone are left of three make one leader in their first term', () => {
  const [a, b] = [candidate('a'), candidate('b')];
  b.hear(401, 'a', voteRequest(1));
  a.hear(401, 'b', voteRequest(1));
  a.hear(402, 'b', { kind: 'vote', term: 1, granted: true });
  expect([a.state.role, b.state.role]).toEqual(['leader', 'follower']);
});
