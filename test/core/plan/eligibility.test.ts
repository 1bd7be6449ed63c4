import { expect, test } from 'vitest';
import {
  type Condition,
  decisiveProblems,
  judgeEligibility,
  NO_TROUBLE,
} from '../../../src/core/plan/eligibility.ts';
import type { VipReason } from '../../../src/core/plan/world.ts';
import { ip } from './world-builder.ts';

const WELL: Condition = {
  problems: [],
  foreign: [],
  guarded: true,
  holding: true,
  gateRefused: false,
  refused: false,
};

function trouble(reason: VipReason): Condition {
  return { ...WELL, problems: [{ vip: ip('192.0.2.10'), reason, interface: 'eth0' }] };
}

test('judgeEligibility() gives a holder without carrier the grace, once', () => {
  const first = judgeEligibility(NO_TROUBLE, trouble('no-carrier'), 1000, 150);
  expect(first).toMatchObject({ reason: undefined, reviewAt: 1150 });
  const still = judgeEligibility(first.state, trouble('no-carrier'), 1149, 150);
  expect(still.reason).toBeUndefined();
  expect(judgeEligibility(still.state, trouble('no-carrier'), 1150, 150).reason).toBe('no-carrier');
  const back = judgeEligibility(still.state, WELL, 1160, 150);
  expect(back).toEqual({ state: NO_TROUBLE, reason: undefined, reviewAt: undefined });
});

test('judgeEligibility() gives no grace to a node that does not hold, or to a missing link', () => {
  const idle = { ...trouble('no-carrier'), holding: false };
  expect(judgeEligibility(NO_TROUBLE, idle, 0, 150).reason).toBe('no-carrier');
  expect(judgeEligibility(NO_TROUBLE, trouble('link-missing'), 0, 150).reason).toBe('link-missing');
});

test('judgeEligibility() lets a holder try the gate for a second, and elects nobody without', () => {
  const shut = { ...WELL, gateRefused: true };
  expect(judgeEligibility(NO_TROUBLE, { ...shut, holding: false }, 0, 150).reason).toBe('no-gate');
  const first = judgeEligibility(NO_TROUBLE, shut, 0, 150);
  expect(first.reason).toBeUndefined();
  expect(judgeEligibility(first.state, shut, 1000, 150).reason).toBe('no-gate');
});

test('judgeEligibility() refuses to serve without a guard, or beside a foreign holder', () => {
  const unguarded = { ...WELL, guarded: false };
  expect(judgeEligibility(NO_TROUBLE, unguarded, 0, 150)).toMatchObject({ reviewAt: 100 });
  expect(judgeEligibility({ ...NO_TROUBLE, troubledSince: 0 }, unguarded, 100, 150).reason).toBe(
    'no-guard',
  );
  const foreign = { ...WELL, foreign: ['192.0.2.10'] };
  expect(judgeEligibility(NO_TROUBLE, foreign, 0, 150).reason).toBe('foreign-address');
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

test('judgeEligibility() lets a holder go whose kernel refuses the VIP, and remembers it', () => {
  const refused = { ...WELL, refused: true };
  const first = judgeEligibility(NO_TROUBLE, refused, 0, 150);
  expect(first).toMatchObject({ reason: undefined, reviewAt: 1000 });
  const second = judgeEligibility(first.state, refused, 1000, 150);
  expect(second).toMatchObject({ reason: 'cannot-bind', reviewAt: 31_000 });
  const idle = { ...WELL, holding: false };
  expect(judgeEligibility(second.state, idle, 30_999, 150).reason).toBe('cannot-bind');
  expect(judgeEligibility(second.state, idle, 31_000, 150).reason).toBeUndefined();
});
