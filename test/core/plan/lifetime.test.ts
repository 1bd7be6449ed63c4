import { expect, test } from 'vitest';
import { lifetimeSeconds, refreshPeriodMs } from '../../../src/core/plan/lifetime.ts';

test('lifetimeSeconds() is the right left in whole seconds, and never under two', () => {
  expect(lifetimeSeconds(1, 294)).toBe(2);
  expect(lifetimeSeconds(1, 3900)).toBe(3);
  expect(lifetimeSeconds(1, 0)).toBe(2);
  expect(lifetimeSeconds(1, Number.POSITIVE_INFINITY)).toBe(2);
});

test('lifetimeSeconds() outlasts two refreshes however many addresses there are', () => {
  for (const count of [1, 500, 501, 5000, 10_000]) {
    expect(lifetimeSeconds(count, 0) * 1000).toBeGreaterThanOrEqual(2 * refreshPeriodMs(count));
  }
});
