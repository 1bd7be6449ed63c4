import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { HeldRight } from '../../src/daemon/right.ts';

/** A right with a margin of 50 ms, on a clock of this process, and what it told the outside. */
function held(): {
  right: HeldRight;
  told: string[];
  now: () => number;
  guard: { fired: boolean };
} {
  const told: string[] = [];
  const started = performance.now();
  const now = (): number => performance.now() - started + 1000;
  const guard = { fired: false };
  const right = new HeldRight(50, {
    clock: { now, wall: () => '' },
    storeDeadline: (deadline) => {
      if (deadline === 0) guard.fired = false;
      told.push(`deadline ${Math.round(deadline)}`);
      return !guard.fired;
    },
    fired: () => told.push('fired'),
    begun: () => told.push('begun'),
    changed: () => told.push('changed'),
    withdrawn: async () => {
      told.push('withdrawn');
    },
  });
  return { right, told, now, guard };
}

test('HeldRight serves until the margin before the end, and wakes the loop then', async () => {
  const { right, told, now } = held();
  expect(right.mayServe()).toBe(false);
  right.extend(now() + 80);
  expect(right.mayServe()).toBe(true);
  await sleep(60);
  expect(right.mayServe()).toBe(false);
  expect(told.filter((word) => !word.startsWith('deadline'))).toEqual(['begun', 'changed']);
});

test('HeldRight wakes the loop when serving is over, not when a timer was early', async () => {
  vi.useFakeTimers();
  try {
    // The loop's clock goes two milliseconds before ours.
    const mayServeWhenWoken: boolean[] = [];
    const right = new HeldRight(50, {
      clock: { now: () => performance.now() + 998, wall: () => '' },
      storeDeadline: () => true,
      fired: () => {},
      begun: () => mayServeWhenWoken.push(right.mayServe()),
      changed: () => mayServeWhenWoken.push(right.mayServe()),
      withdrawn: async () => {},
    });
    right.extend(performance.now() + 1298.4);
    expect(mayServeWhenWoken).toEqual([true]);
    await vi.advanceTimersByTimeAsync(300);
    expect(mayServeWhenWoken).toEqual([true, false]);
  } finally {
    vi.useRealTimers();
  }
});

test('HeldRight serves nothing up to a deadline that the guard did not take', () => {
  const { right, told, now, guard } = held();
  right.extend(now() + 500);
  guard.fired = true;
  const before = right.deadline;
  right.extend(now() + 1000);
  expect(right.deadline).toBe(before);
  expect(told.at(-1)).toBe('fired');
});

test('HeldRight has lapsed from the deadline until the withdrawal is confirmed', async () => {
  const { right, told, now } = held();
  right.extend(now() + 80);
  expect(right.lapsed).toBe(false);
  await sleep(60);
  expect(right.lapsed).toBe(true);
  await right.giveUp();
  expect(right.lapsed).toBe(false);
  // What the guard does not take before is due now.
  expect(told.slice(-3)).toEqual(['withdrawn', 'deadline 0', 'changed']);
});

test('HeldRight keeps the guard armed until the kernel confirmed the withdrawal', async () => {
  const { right, told, now } = held();
  right.extend(now() + 500);
  told.length = 0;
  const done = right.giveUp();
  expect(right.mayServe()).toBe(false);
  await done;
  expect(told).toEqual(['withdrawn', 'deadline 0']);
});
