import { expect, test } from 'vitest';
import { HeldRight } from '../../src/daemon/right.ts';
import { SingleElector } from '../../src/daemon/single-elector.ts';

/** A wall clock that tells one take-over from the next. */
let takeovers = 0;
const clock = {
  now: (): number => performance.now() + 1000,
  wall: () => {
    takeovers += 1;
    return String(takeovers);
  },
};

test('SingleElector says that it leads only while it does, and when it began to', async () => {
  const right = new HeldRight(10, {
    clock,
    storeDeadline: () => true,
    fired: () => {},
    begun: () => {},
    changed: () => {},
    withdrawn: async () => {},
  });
  const elector = new SingleElector({ node: 'a', right, clock });
  elector.start();
  elector.announced();
  elector.announced();
  expect(elector.status()).toMatchObject({ role: 'leader', holder: 'a', ineligible: null });
  expect(elector.lastTakeover()?.at).toBe('1');

  elector.setIneligible('foreign-address');
  expect(right.mayServe()).toBe(false);
  expect(elector.status()).toMatchObject({
    role: 'stopped',
    holder: null,
    ineligible: 'foreign-address',
  });
  expect(elector.lastTakeover()?.at).toBe('1');

  await expect.poll(() => elector.setIneligible(undefined) ?? right.mayServe()).toBe(true);
  elector.announced();
  expect(elector.status()).toMatchObject({ role: 'leader', holder: 'a' });
  expect(elector.status().sinceMs).toBeLessThan(1000);
  expect(elector.lastTakeover()?.at).toBe('2');
  await elector.leave();
  expect(elector.status().role).toBe('stopped');
});
