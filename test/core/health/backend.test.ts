import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type BackendHealth,
  isInTransition,
  judge,
  nextRampAt,
  unknownHealth,
  weightOf,
} from '../../../src/core/health/backend.ts';
import { type Finding, formatExpected, isExpected } from '../../../src/core/health/check.ts';
import { isPanic } from '../../../src/core/health/panic.ts';
import { NEVER } from '../../../src/core/time.ts';
import { PASSED, REFUSED, UNASKED } from './stage.ts';

const FINDINGS: Readonly<Record<string, Finding>> = { p: PASSED, f: REFUSED, i: UNASKED };

/** What a backend is after each of the findings, the first at 0 ms, one a millisecond. */
function judged(findings: string, rule = { rise: 2, fall: 3 }): readonly BackendHealth[] {
  let health = unknownHealth(0);
  return Array.from(findings, (letter, at) => {
    health = judge(health, FINDINGS[letter] ?? PASSED, at, rule);
    return health;
  });
}

test.each([
  // The first finding judges a backend that is unknown.
  ['p', 'H'],
  ['f', 'U'],
  ['iip', '??H'],
  ['pff', 'HHH'],
  ['pfff', 'HHHU'],
  ['pffpff', 'HHHHHH'],
  ['fp', 'UU'],
  ['fpp', 'UUH'],
  ['fpfp', 'UUUU'],
  // What tells nothing neither counts nor breaks a row.
  ['pfiff', 'HHHHU'],
  ['fpip', 'UUUH'],
])('after %s a backend is %s', (findings, states) => {
  const letters = { unknown: '?', healthy: 'H', unhealthy: 'U' };
  expect(
    judged(findings)
      .map(({ state }) => letters[state])
      .join(''),
  ).toBe(states);
});

test('rise and fall of 1 believe every finding', () => {
  const states = judged('pfpf', { rise: 1, fall: 1 }).map(({ state }) => state);
  expect(states).toEqual(['healthy', 'unhealthy', 'healthy', 'unhealthy']);
});

test('judge() keeps since when, how often in a row, and the last reason', () => {
  expect(judged('pfff').at(-1)).toEqual({
    state: 'unhealthy',
    since: 3,
    successes: 0,
    failures: 3,
    last: { finding: REFUSED, at: 3 },
    restoredAt: undefined,
  });
});

test('isInTransition() while findings speak against the state, until the verdict', () => {
  const shown = judged('pfffffpp').map((health) => isInTransition(health));
  expect(shown).toEqual([false, true, true, false, false, false, true, false]);
});

test('weightOf() grows from a tenth to the whole in nine steps after an illness', () => {
  const health = judged('fpp').at(-1) ?? unknownHealth(0);
  expect(health.restoredAt).toBe(2);
  const at = [2, 901, 902, 1802, 7202, 8101, 8102, 100_000];
  expect(at.map((now) => weightOf(health, 100, now, 8100))).toEqual([
    10, 10, 20, 30, 90, 90, 100, 100,
  ]);
  expect(at.map((now) => weightOf(health, 3, now, 8100))).toEqual([1, 1, 1, 1, 3, 3, 3, 3]);
  expect(at.map((now) => weightOf(health, 0, now, 8100))).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  expect(weightOf(health, 100, 2, 0)).toBe(100);
});

test('there is no slow start for who was not unhealthy, and nothing for who is', () => {
  const [healthy = unknownHealth(0)] = judged('p');
  const [unhealthy = unknownHealth(0)] = judged('f');
  expect(weightOf(unknownHealth(0), 100, 0, 8100)).toBe(100);
  expect(weightOf(healthy, 100, 0, 8100)).toBe(100);
  expect(weightOf(unhealthy, 100, 0, 8100)).toBe(0);
  expect(nextRampAt(healthy, 0, 8100)).toBe(NEVER);
});

test('nextRampAt() leads to the full weight in nine steps, whatever the instants', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e10, noNaN: true }),
      fc.integer({ min: 1, max: 86_400_000 }),
      (restoredAt, slowStartMs) => {
        const health: BackendHealth = { ...unknownHealth(0), state: 'healthy', restoredAt };
        const weights: number[] = [];
        for (let now = restoredAt; now !== NEVER; now = nextRampAt(health, now, slowStartMs)) {
          weights.push(weightOf(health, 10, now, slowStartMs));
        }
        expect(weights).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      },
    ),
  );
});

test.each([
  { usable: 1, all: 2, percent: 50, panic: false },
  { usable: 1, all: 3, percent: 50, panic: true },
  { usable: 0, all: 1, percent: 50, panic: true },
  { usable: 0, all: 0, percent: 50, panic: false },
  { usable: 0, all: 5, percent: 0, panic: false },
  { usable: 4, all: 5, percent: 100, panic: true },
  { usable: 5, all: 5, percent: 100, panic: false },
])('isPanic() of $usable of $all below $percent % is $panic', ({ usable, all, percent, panic }) => {
  expect(isPanic(usable, all, percent)).toBe(panic);
});

test('isExpected() takes both ends of a range, and formatExpected() says what was expected', () => {
  const expect200 = [{ from: 200, to: 299 }];
  const either = [...expect200, { from: 401, to: 401 }];
  expect([199, 200, 299, 300, 401].map((status) => isExpected(status, either))).toEqual([
    false,
    true,
    true,
    false,
    true,
  ]);
  expect(formatExpected(expect200)).toBe('200 to 299');
  expect(formatExpected(either)).toBe('200 to 299 or 401');
});
