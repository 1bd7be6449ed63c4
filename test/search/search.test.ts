import { describe, expect, test } from 'vitest';
import { explore, type Model } from './explore.ts';
import { SEARCHES } from './searches.ts';

describe('with its rules on, a search finds nothing wrong', () => {
  for (const { rule, about, run } of SEARCHES.filter(({ clean }) => clean)) {
    test(`${rule} ${about}`, () => {
      expect(run().trace).toBeUndefined();
    });
  }
});

describe('with a rule off, a search finds what the rule is for', () => {
  for (const { rule, about, run } of SEARCHES.filter(({ clean }) => !clean)) {
    test(`${rule} ${about}`, () => {
      const { trace } = run();
      expect(trace?.length, 'the trace tells how').toBeGreaterThan(2);
    });
  }
});

test.each(['A', 'B', 'C', 'D'])('the rules under %s are searched on and off', (letter) => {
  const verdicts = SEARCHES.filter(({ rule }) => rule.startsWith(letter)).map(({ clean }) => clean);
  expect(new Set(verdicts)).toEqual(new Set([true, false]));
});

test('the shortest trace to two nodes that serve is told by its steps', () => {
  const search = SEARCHES.find(({ about }) => about === 'who restarts does not abstain');
  expect(search?.run().trace).toEqual([
    'A asks for promises',
    'B acknowledges A',
    "A hears B's acknowledgement",
    'B restarts',
    'B asks for promises',
    'C acknowledges B',
    "B hears C's acknowledgement",
    'A and B have the right at once',
  ]);
});

/** Counts up to a bound, in ones and twos. */
function counting(bound: number, forbidden: number): Model<number> {
  return {
    start: 0,
    *steps(count) {
      if (count < bound) yield ['one more', count + 1];
      if (count + 1 < bound) yield ['two more', count + 2];
    },
    wrong: (count) => (count === forbidden ? 'too far' : undefined),
  };
}

test('explore() sees every state once, and finds the shortest way to a wrong one', () => {
  expect(explore(counting(9, -1))).toEqual({ states: 10, trace: undefined });
  expect(explore(counting(9, 5)).trace).toHaveLength(4);
});

test('explore() does not call a search clean that it could not finish', () => {
  expect(() => explore(counting(Number.POSITIVE_INFINITY, -1), 1000)).toThrow('more than 1000');
});
