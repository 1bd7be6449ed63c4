/** The rules of the right to serve, each by the trace that showed it to be needed. */
import { describe, expect, test } from 'vitest';
import type { PromiseAhead } from '../../../../src/core/election/raft/message.ts';
import { fencesDeadline, rightEnd } from '../../../../src/core/election/raft/right.ts';
import { heartbeat, instanceOf, LIST, Subject, type Unlisted, voteRequest } from './subject.ts';

const X = { leader: 'b', instance: instanceOf('b') };

describe('a voter that restarts forgets when it heard the leader', () => {
  test('it acknowledges, votes, pre-votes and campaigns for nobody for as long as it may have promised', () => {
    const voter = new Subject({ abstainMs: 2000 }, { term: 1, vote: 'b' });
    expect(voter.hear(100, 'b', heartbeat(1))).toEqual(['follower of b in term 1: leader-heard']);
    expect(voter.hear(200, 'c', voteRequest(2))).toEqual(['send c vote of term 1 granted false']);
    const preVote = { kind: 'pre-vote-request', term: 2, holdMs: 300 } as const;
    expect(voter.hear(300, 'c', preVote)).toEqual(['send c pre-vote of term 1 granted false']);
    expect(voter.tickUntil(1999)).toEqual([]);
    expect(voter.hear(2000, 'c', voteRequest(2)).at(-1)).toBe('send c vote of term 2 granted true');
  });

  test('with startAsLeader it stands for election first, and no earlier', () => {
    const eager = new Subject({ startAsLeader: true });
    expect(eager.tickUntil(299.9)).toEqual([]);
    expect(eager.tick(300)[0]).toBe('pre-candidate in term 0: leader-silent');
    const patient = new Subject();
    expect(patient.tickUntil(329.9)).toEqual([]);
    expect(patient.tick(330)[0]).toBe('pre-candidate in term 0: leader-silent');
  });
});

describe('an acknowledgement is a promise', () => {
  test('whoever acknowledged helps nobody else, whatever its files say', () => {
    const voter = new Subject();
    voter.hear(1000, 'b', heartbeat(1));
    expect(voter.hear(1299, 'c', voteRequest(7))).toEqual(['send c vote of term 1 granted false']);
    expect(voter.hear(1299, 'c', heartbeat(1))).toEqual([]);
    expect(voter.state.leader).toBe('b');
    expect(voter.hear(1300, 'c', voteRequest(7)).at(-1)).toBe('send c vote of term 7 granted true');
  });

  test('one that holds longer than the own election timeout is not given', () => {
    const voter = new Subject();
    expect(voter.hear(1000, 'b', heartbeat(1, 1, 301))).toContain('b refused: hold-too-long');
    expect(voter.state.promise).toBeUndefined();
  });

  test('a leader that sees a higher term gives up its right before it answers', () => {
    const leader = new Subject().elect(400);
    leader.ack(401, 'b', 1);
    expect(leader.hear(410, 'c', voteRequest(5))).toEqual([
      'give up the right of term 1: higher-term',
      'follower in term 5: higher-term',
      'save term 5, vote c',
      'send c vote of term 5 granted true',
    ]);
  });
});

describe('the right', () => {
  test('counts from the sending of the newest heartbeat that a majority acknowledged', () => {
    const leader = new Subject().elect(400);
    leader.tick(450);
    leader.tick(500);
    expect(leader.ack(690, 'b', 1)).toEqual([
      'right of term 1 until 694.1',
      'prepare resignation of term 1',
    ]);
    expect(leader.ack(691, 'c', 3)).toEqual(['right of term 1 until 794.1']);
    expect(leader.ack(692, 'b', 2)).toEqual([]);
  });

  test('does not come from an answer that is later than itself, or to what was never sent', () => {
    const leader = new Subject().elect(400);
    expect(leader.ack(695, 'b', 1)).toEqual([]);
    expect(leader.ack(695, 'b', 99)).toEqual([]);
  });

  test('ends before the promise of a voter whose clock is 2 % faster', () => {
    const sentAt = 1000;
    const promisedUntil = sentAt + 300 / 1.02;
    expect(rightEnd(sentAt, 300)).toBeLessThanOrEqual(promisedUntil);
  });

  test('is told to the fences without the margin that they need', () => {
    expect(fencesDeadline(rightEnd(1000, 300), 50)).toBeCloseTo(1244.1, 1);
    expect(fencesDeadline(rightEnd(1000, 100), 10)).toBeCloseTo(1088, 1);
  });

  test('is given up when no majority answers, and the term with it', () => {
    const leader = new Subject().elect(400);
    leader.ack(401, 'b', 1);
    const lines = leader.tickUntil(1000).filter((line) => !line.startsWith('send'));
    expect(lines.slice(0, 2)).toEqual([
      'give up the right of term 1: right-expired',
      'follower in term 1: right-expired',
    ]);
    expect(leader.ack(702, 'b', 4)).toEqual([]);
  });

  test('of a node whose guard has fired is over for the rest of the term', () => {
    const leader = new Subject().elect(400);
    leader.ack(401, 'b', 1);
    leader.tick(450);
    expect(leader.step(460, { kind: 'fences-closed' })).toEqual([
      'give up the right of term 1: fences-closed',
      'follower in term 1: fences-closed',
    ]);
    expect(leader.ack(461, 'b', 2)).toEqual([]);
  });
});

function promisedToB(): Subject {
  const voter = new Subject();
  voter.hear(1000, 'b', heartbeat(4));
  return voter;
}

function answer(voter: Subject, term: number, release = X): string | undefined {
  return voter.hear(1010, 'c', voteRequest(term, release)).at(-1);
}

function resignationOfB(promise: PromiseAhead | undefined): Unlisted {
  return { kind: 'resignation', term: 1, target: 'a', promise };
}

/** The rights of who hears such a resignation. */
function rightsOf(promise: PromiseAhead | undefined): string[] {
  const target = new Subject();
  target.hear(1000, 'b', heartbeat(1));
  const lines = target.hear(1010, 'b', resignationOfB(promise));
  expect(target.state.role).toBe('leader');
  return lines.filter((line) => line.startsWith('right'));
}

describe('a transfer', () => {
  test('gives up the right first, then tells the others', () => {
    const leader = new Subject().elect(400);
    leader.ack(401, 'b', 1);
    expect(leader.step(410, { kind: 'handoff', target: 'b' })).toEqual([
      'give up the right of term 1: handoff',
      'follower in term 1: handoff',
      'save term 2, vote b',
      'send b resignation of term 1 target b promise #2 since 1401 for 300',
      'send c resignation of term 1 target b promise #2 since 1401 for 300',
    ]);
    const late = {
      kind: 'heartbeat-ack',
      term: 1,
      sequence: 1,
      eligible: true,
      priority: 0,
      at: 410,
    } as const;
    expect(leader.hear(411, 'c', late)).toEqual([]);
  });

  test('excuses the election of the next term alone, and from promises to that leader alone', () => {
    expect(answer(promisedToB(), 5)).toBe('send c vote of term 5 granted true');
    expect(answer(promisedToB(), 6)).toBe('send c vote of term 4 granted false');
    const other = { leader: 'b', instance: 99n };
    expect(answer(promisedToB(), 5, other)).toBe('send c vote of term 4 granted false');
  });

  test('that comes again, late, elects nobody', () => {
    const target = new Subject();
    target.hear(1000, 'b', heartbeat(1));
    const timeoutNow = { kind: 'resignation', term: 1, target: 'a', promise: undefined } as const;
    expect(target.hear(1010, 'b', timeoutNow)).toEqual([
      'follower in term 1: leader-resigned',
      'candidate in term 2: leader-resigned',
      'save term 2, vote a',
      'send c vote-request of term 2 holdMs 300 release b#2',
      'leader of a in term 2: handoff',
      'send b heartbeat of term 2 sequence 1 holdMs 300 rank 0',
      'send c heartbeat of term 2 sequence 1 holdMs 300 rank 1',
    ]);
    target.hear(1020, 'c', heartbeat(3));
    expect(target.hear(1030, 'b', timeoutNow)).toEqual([]);
    expect(target.state.role).toBe('follower');
  });

  test('is a promise, too: its target serves without asking anybody', () => {
    const target = new Subject();
    target.hear(1000, 'b', heartbeat(1));
    const lines = target.hear(1010, 'b', resignationOfB({ instance: 1n, at: 1000, holdMs: 300 }));
    expect(lines).toContain('right of term 2 until 1294.1');
    expect(target.ack(1012, 'c', 2)).toEqual(['right of term 2 until 1304.1']);
  });

  test('promises to one process alone, for as long as its rights last, and nothing to come', () => {
    const promise = { instance: 1n, at: 1000, holdMs: 300 };
    expect(rightsOf({ ...promise, instance: 11n })).toEqual([]);
    expect(rightsOf({ ...promise, holdMs: 299 })).toEqual([]);
    expect(rightsOf({ ...promise, at: 700 })).toEqual([]);
    expect(rightsOf({ ...promise, at: 5000 })).toEqual(['right of term 2 until 1304.1']);
    expect(rightsOf(undefined)).toEqual([]);
  });

  test('binds who resigned to its successor, in every term', () => {
    const resigned = new Subject().elect(400);
    resigned.ack(401, 'b', 1);
    resigned.step(410, { kind: 'handoff', target: 'b' });
    expect(resigned.hear(420, 'c', heartbeat(3))).toEqual(['save term 3, vote none']);
    expect(resigned.hear(709, 'c', voteRequest(4))).toEqual([
      'send c vote of term 3 granted false',
    ]);
    expect(resigned.hear(710, 'c', voteRequest(4)).at(-1)).toBe(
      'send c vote of term 4 granted true',
    );
  });

  test('is one vote of five: the others are asked, and who resigned votes for nobody else', () => {
    const voters = ['a', 'b', 'c', 'd', 'e'];
    const target = new Subject({ voters });
    target.hear(1000, 'b', heartbeat(1));
    const asked = target.hear(1010, 'b', {
      kind: 'resignation',
      term: 1,
      target: 'a',
      promise: undefined,
    });
    expect(
      asked.filter((line) => line.startsWith('send')).map((line) => line.slice(0, 21)),
    ).toEqual(['send c vote-request o', 'send d vote-request o', 'send e vote-request o']);
    expect(target.state.role).toBe('candidate');
    target.hear(1011, 'd', { kind: 'vote', term: 2, granted: true });
    expect(target.state.role).toBe('leader');

    const resigned = new Subject({ voters }).elect(400);
    resigned.ack(401, 'b', 1);
    resigned.step(410, { kind: 'handoff', target: 'b' });
    expect(resigned.hear(411, 'c', voteRequest(2))).toContain(
      'send c vote of term 2 granted false',
    );
  });

  test('is refused, and nothing withdrawn, when nobody could serve', () => {
    const leader = new Subject().elect(400);
    leader.ack(401, 'b', 1, false);
    const handoff = (target: string | undefined): string[] =>
      leader.step(410, { kind: 'handoff', target });
    expect(handoff(undefined)).toEqual(['handoff refused: no-eligible-peer']);
    expect(handoff('c')).toEqual(['handoff refused: no-eligible-peer']);
    expect(handoff('a')).toEqual(['handoff refused: unknown-target']);
    expect(new Subject().step(410, { kind: 'handoff', target: 'b' })).toEqual([
      'handoff refused: not-leader',
    ]);
  });
});

test('a resignation of the guard lets the first by rank stand at once, and the others in turn', () => {
  const resigned = { kind: 'resignation', term: 1, target: undefined, promise: undefined } as const;
  const first = new Subject();
  first.hear(1000, 'b', heartbeat(1));
  expect(first.hear(1010, 'b', resigned)).toContain('candidate in term 2: leader-resigned');
  const second = new Subject();
  second.hear(1000, 'b', heartbeat(1, 1, 300, 1));
  expect(second.hear(1010, 'b', resigned)).toEqual(['follower in term 1: leader-resigned']);
  expect(second.tick(1040)[0]).toBe('candidate in term 2: leader-resigned');
});

test('a message of another list is neither acknowledged nor counted, and reported', () => {
  const voter = new Subject();
  const other = { ...heartbeat(9), list: LIST + 1n };
  expect(voter.hear(1000, 'b', other)).toEqual(['b refused: other-list']);
  expect(voter.state).toMatchObject({ term: 0, leader: undefined, promise: undefined });
});

describe('two processes with one id', () => {
  test('do not share a promise', () => {
    const voter = new Subject();
    voter.hear(1000, 'b', heartbeat(1), 2n);
    expect(voter.hear(1010, 'b', heartbeat(1), 22n)).toEqual([]);
    expect(voter.hear(1010, 'b', voteRequest(2), 22n)).toEqual([
      'send b vote of term 1 granted false',
    ]);
  });

  test('stop serving when they hear each other, and speak for nobody', () => {
    const leader = new Subject().elect(400);
    leader.ack(401, 'b', 1);
    expect(leader.step(410, { kind: 'twin-heard', instance: 77n })).toEqual([
      'give up the right of term 1: twin',
      'follower in term 1: twin',
    ]);
    expect(leader.hear(420, 'c', voteRequest(2))).toEqual(['send c vote of term 1 granted false']);
  });
});

describe('a node that cannot serve', () => {
  test('never stands for election', () => {
    const voter = new Subject();
    voter.step(0, { kind: 'eligibility', obstacle: 'no-carrier' });
    expect(voter.tickUntil(60_000)).toEqual([]);
    voter.step(60_000, { kind: 'eligibility', obstacle: undefined });
    expect(voter.tickUntil(60_100)[0]).toBe('pre-candidate in term 0: leader-silent');
    expect(new Subject({ voterOnly: true }).tickUntil(60_000)).toEqual([]);
  });

  test('hands over what it holds as soon as a peer says that it could', () => {
    const leader = new Subject().elect(400);
    leader.ack(401, 'b', 1, false);
    expect(leader.step(410, { kind: 'eligibility', obstacle: 'no-carrier' })).toEqual([]);
    expect(leader.ack(420, 'c', 1, true)).toEqual([
      'give up the right of term 1: ineligible',
      'follower in term 1: ineligible',
      'save term 2, vote c',
      'send c resignation of term 1 target c promise #3 since 1420 for 300',
      'send b resignation of term 1 target c promise #3 since 1420 for 300',
    ]);
  });
});

describe('ranks', () => {
  test('count from the leader on, by what can serve and by priority', () => {
    const leader = new Subject({ self: 'b', voters: ['a', 'b', 'c', 'd'] }).elect(400);
    const ranks = (): string[] =>
      leader
        .tickUntil(leader.state.leading?.heartbeatAt ?? 0)
        .map((line) => line.slice(5).replace(/hea.*rank/, ''));
    leader.ack(401, 'a', 1);
    leader.ack(401, 'c', 1, false);
    leader.ack(401, 'd', 1);
    expect(ranks()).toEqual(['a  1', 'c  2', 'd  0']);
    leader.ack(451, 'a', 2, true, 7);
    expect(ranks()).toEqual(['a  0', 'c  2', 'd  1']);
  });

  test('cost the successor nothing, and a refused pre-vote 20 to 50 ms', () => {
    const successor = new Subject();
    successor.hear(1000, 'b', heartbeat(1));
    expect(successor.tickUntil(1299.9)).toEqual([]);
    expect(successor.tick(1300)[0]).toBe('pre-candidate in term 1: leader-silent');
    successor.hear(1301, 'c', { kind: 'pre-vote', term: 1, granted: false });
    const again = successor.state.electionAt - 1300;
    expect(again).toBeGreaterThanOrEqual(20);
    expect(again).toBeLessThanOrEqual(50);
  });
});

test('a node that leaves resigns, and stands for nothing any more', () => {
  const leader = new Subject().elect(400);
  leader.ack(401, 'b', 1, false);
  expect(leader.step(410, { kind: 'leave' })).toEqual([
    'give up the right of term 1: shutdown',
    'follower in term 1: shutdown',
    'send b resignation of term 1',
    'send c resignation of term 1',
  ]);
  expect(leader.tickUntil(60_000)).toEqual([]);
});

test('two voters elect one of them while both are well, and nobody when one is not', () => {
  const one = new Subject({ voters: ['a', 'b'] });
  one.elect(400);
  expect(one.ack(401, 'b', 1)[0]).toBe('right of term 1 until 694.1');
  expect(one.tickUntil(2000)).toContain('give up the right of term 1: right-expired');
});
