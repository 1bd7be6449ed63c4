import { expect, test } from 'vitest';
import {
  everTwoHolders,
  type HoldingChange,
  holdingsOf,
  timeWithTwoHolders,
} from '../../src/demo/holding.ts';
import { longestSilence, mixedAnswers, type Probe } from '../../src/demo/probes.ts';

const got = (at: number, node: string): HoldingChange => ({ at, node, held: true });
const lost = (at: number, node: string): HoldingChange => ({ at, node, held: false });
const whole = { from: 0, until: 1000 };

test('timeWithTwoHolders() counts from the second arrival to the first departure', () => {
  const changes = [got(100, 'a'), got(200, 'b'), lost(240, 'a'), lost(500, 'b')];
  expect(timeWithTwoHolders(changes, whole)).toBe(40);
  expect(timeWithTwoHolders(changes, { from: 210, until: 220 })).toBe(10);
  expect(timeWithTwoHolders(changes, { from: 300, until: 400 })).toBe(0);
});

test('timeWithTwoHolders() goes on to the end when nobody leaves', () => {
  expect(timeWithTwoHolders([got(100, 'a'), got(200, 'b')], whole)).toBe(800);
});

test('everTwoHolders() tells a clean move from an overlap of no measurable time', () => {
  expect(everTwoHolders([got(1, 'a'), lost(5, 'a'), got(5, 'b')], whole)).toBe(false);
  expect(everTwoHolders([got(1, 'a'), got(5, 'b'), lost(5, 'a')], whole)).toBe(true);
});

test('holdingsOf() takes a refreshed lifetime for what it is', () => {
  expect(holdingsOf([got(1, 'a'), got(2, 'a'), lost(3, 'a'), got(4, 'b')])).toEqual([
    { node: 'a', from: 1, until: 3 },
    { node: 'b', from: 4 },
  ]);
});

/** Probes every millisecond of [from, until), answered at once by `node`, or by nobody. */
function probes(from: number, until: number, node?: string): Probe[] {
  return Array.from({ length: until - from }, (_, index) => {
    const sentAt = from + index;
    return node === undefined ? { sentAt } : { sentAt, answer: { at: sentAt, node } };
  });
}

test('longestSilence() measures from the last answer to the next', () => {
  const asked = [...probes(1, 500, 'a'), ...probes(500, 800), ...probes(800, 1000, 'b')];
  expect(longestSilence(asked, whole)).toEqual({ from: 499, until: 800 });
});

test('longestSilence() sees an outage that does not end', () => {
  expect(longestSilence([...probes(1, 500, 'a'), ...probes(500, 1000)], whole)).toEqual({
    from: 499,
    until: 1000,
  });
});

test('longestSilence() forgives a client that did not ask', () => {
  const asked = [...probes(1, 500, 'a'), ...probes(530, 1000, 'a')];
  expect(longestSilence(asked, whole)).toBeUndefined();
});

test('longestSilence() counts answers that were held up', () => {
  const late = { sentAt: 600, answer: { at: 740, node: 'a' } };
  const asked = [...probes(1, 600, 'a'), late, ...probes(740, 1000, 'a')];
  expect(longestSilence(asked, whole)).toEqual({ from: 599, until: 740 });
  const hurried = { sentAt: 600, answer: { at: 640, node: 'a' } };
  const slow = [...probes(1, 600, 'a'), hurried, ...probes(640, 1000, 'a')];
  expect(longestSilence(slow, whole)).toBeUndefined();
});

test('mixedAnswers() sees two nodes that answer in turns, and not one that comes back', () => {
  const inTurns = Array.from({ length: 100 }, (_, index) => ({
    sentAt: index,
    answer: { at: index, node: index % 2 === 0 ? 'a' : 'b' },
  }));
  const both = holdingsOf([got(0, 'a'), got(0, 'b')]);
  expect(mixedAnswers(inTurns, both, whole)).toBe(97);
  const back = [...probes(0, 100, 'a'), ...probes(200, 300, 'b'), ...probes(400, 500, 'a')];
  const turns = [got(0, 'a'), lost(100, 'a'), got(200, 'b'), lost(300, 'b'), got(400, 'a')];
  expect(mixedAnswers(back, holdingsOf(turns), whole)).toBe(0);
});
