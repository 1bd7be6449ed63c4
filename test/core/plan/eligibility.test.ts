import { expect, test } from 'vitest';
import {
  type Condition,
  decisiveProblems,
  judgeEligibility,
} from '../../../src/core/plan/eligibility.ts';
import type { VipReason } from '../../../src/core/plan/world.ts';
import { ip } from './world-builder.ts';

const WELL: Condition = { problems: [], foreign: [], guarded: true, holding: true };

function trouble(reason: VipReason): Condition {
  return { ...WELL, problems: [{ vip: ip('192.0.2.10'), reason, interface: 'eth0' }] };
}

test('judgeEligibility() gives a holder without carrier the grace, once', () => {
  const fresh = { troubledSince: undefined };
  const first = judgeEligibility(fresh, trouble('no-carrier'), 1000, 150);
  expect(first).toMatchObject({ reason: undefined, reviewAt: 1150 });
  const still = judgeEligibility(first.state, trouble('no-carrier'), 1149, 150);
  expect(still.reason).toBeUndefined();
  expect(judgeEligibility(still.state, trouble('no-carrier'), 1150, 150).reason).toBe('no-carrier');
  const back = judgeEligibility(still.state, WELL, 1160, 150);
  expect(back).toEqual({ state: fresh, reason: undefined, reviewAt: undefined });
});

test('judgeEligibility() gives no grace to a node that does not hold, or to a missing link', () => {
  const fresh = { troubledSince: undefined };
  const idle = { ...trouble('no-carrier'), holding: false };
  expect(judgeEligibility(fresh, idle, 0, 150).reason).toBe('no-carrier');
  expect(judgeEligibility(fresh, trouble('link-missing'), 0, 150).reason).toBe('link-missing');
});

test('judgeEligibility() refuses to serve without a guard, or beside a foreign holder', () => {
  const fresh = { troubledSince: undefined };
  const unguarded = { ...WELL, guarded: false };
  expect(judgeEligibility(fresh, unguarded, 0, 150)).toMatchObject({ reviewAt: 100 });
  expect(judgeEligibility({ troubledSince: 0 }, unguarded, 100, 150).reason).toBe('no-guard');
  const foreign = { ...WELL, foreign: ['192.0.2.10'] };
  expect(judgeEligibility(fresh, foreign, 0, 150).reason).toBe('foreign-address');
});

test('decisiveProblems() lets no VIP that never had a link silence the others', () => {
  const missing = trouble('link-missing').problems;
  const never = new Set<ReturnType<typeof ip>>();
  expect(decisiveProblems(missing, 2, never)).toEqual([]);
  expect(decisiveProblems(missing, 1, never)).toEqual(missing);
  expect(decisiveProblems(missing, 2, new Set([ip('192.0.2.10')]))).toEqual(missing);
  const cut = trouble('no-carrier').problems;
  expect(decisiveProblems(cut, 2, never)).toEqual(cut);
});
