import { expect, test } from 'vitest';
import {
  type ConflictEvent,
  type ConflictPolicy,
  isWithheld,
  NO_CONFLICT,
  reviewAt,
  stepConflict,
} from '../../../src/core/conflict/conflict.ts';

type Timed = readonly [at: number, event: ConflictEvent];

const claimed: ConflictEvent = { kind: 'claimed', mac: '02:00:00:00:00:66', count: 1 };
const tick: ConflictEvent = { kind: 'tick' };
const placed: ConflictEvent = { kind: 'placed' };
const first: ConflictEvent = { kind: 'wanted', probe: true };
const fromOurs: ConflictEvent = { kind: 'wanted', probe: false };

/** What each event brought about, and where the VIP then stands, a line each. */
function play(policy: ConflictPolicy, ...events: readonly Timed[]): string {
  let state = NO_CONFLICT;
  const lines: string[] = [];
  for (const [at, event] of events) {
    const step = stepConflict(state, event, at, policy);
    state = step.state;
    const effects = step.effects.map((effect) =>
      effect.kind === 'report' ? `report ${effect.claims}` : effect.kind,
    );
    const due = reviewAt(state);
    lines.push(
      [
        `${at} ${event.kind}`,
        `${state.standing.kind}${isWithheld(state) ? ' (withheld)' : ''}`,
        ...(due === undefined ? [] : [`until ${due}`]),
        ...effects,
      ].join(' | '),
    );
  }
  return lines.join('\n');
}

test('nobody answers two probes, 50 ms apart: the VIP is taken 100 ms after the first', () => {
  expect(
    play('defend', [0, first], [0, placed], [40, tick], [50, tick], [100, tick]),
  ).toMatchInlineSnapshot(`
    "0 wanted | waiting (withheld)
    0 placed | probing (withheld) | until 50 | probe
    40 tick | probing (withheld) | until 50
    50 tick | probing (withheld) | until 100 | probe
    100 tick | clear"
  `);
});

test('a takeover from one of ours asks nobody', () => {
  expect(play('defend', [0, fromOurs], [0, placed], [0, tick])).toMatchInlineSnapshot(`
    "0 wanted | clear
    0 placed | clear
    0 tick | clear"
  `);
});

test('without a link to ask on the VIP is not held back', () => {
  expect(play('defend', [0, first], [0, { kind: 'unplaced' }])).toMatchInlineSnapshot(`
    "0 wanted | waiting (withheld)
    0 unplaced | clear"
  `);
});

test('defend: an answered probe is reported, and the VIP taken', () => {
  expect(play('defend', [0, first], [0, placed], [3, claimed])).toMatchInlineSnapshot(`
    "0 wanted | waiting (withheld)
    0 placed | probing (withheld) | until 50 | probe
    3 claimed | clear | report 1"
  `);
});

test('yield: an answered probe leaves the VIP, and asks again 10 s after the last claim', () => {
  expect(
    play(
      'yield',
      [0, first],
      [0, placed],
      [3, claimed],
      [4000, claimed],
      [10_003, tick],
      [14_000, tick],
      [14_050, tick],
      [14_100, tick],
    ),
  ).toMatchInlineSnapshot(`
    "0 wanted | waiting (withheld)
    0 placed | probing (withheld) | until 50 | probe
    3 claimed | yielded (withheld) | until 10003 | report 1
    4000 claimed | yielded (withheld) | until 14000
    10003 tick | yielded (withheld) | until 14000
    14000 tick | probing (withheld) | until 14050 | probe
    14050 tick | probing (withheld) | until 14100 | probe
    14100 tick | clear | freed"
  `);
});

test('defend: at once, then at most every 10 s, and once more after the last claim', () => {
  expect(
    play(
      'defend',
      [0, fromOurs],
      [1000, claimed],
      [1005, claimed],
      [5000, claimed],
      [11_000, tick],
      [21_000, tick],
      [40_000, claimed],
    ),
  ).toMatchInlineSnapshot(`
    "0 wanted | clear
    1000 claimed | clear | report 1 | defend
    1005 claimed | clear | until 11000
    5000 claimed | clear | until 11000
    11000 tick | clear | report 2 | defend
    21000 tick | clear
    40000 claimed | clear | report 1 | defend"
  `);
});

test('yield: a VIP that is held is defended once, and left at the next claim', () => {
  expect(
    play(
      'yield',
      [0, fromOurs],
      [6000, claimed],
      // The other form of the same announcement.
      [6002, claimed],
      [8000, claimed],
      [18_000, tick],
      [18_004, claimed],
    ),
  ).toMatchInlineSnapshot(`
    "0 wanted | clear
    6000 claimed | clear | report 1 | defend
    6002 claimed | clear | until 16000
    8000 claimed | yielded (withheld) | until 18000 | report 2
    18000 tick | probing (withheld) | until 18050 | probe
    18004 claimed | yielded (withheld) | until 28004 | report 1"
  `);
});

test('yield: for 5 s after a takeover a former holder of ours is defended against', () => {
  expect(
    play('yield', [0, fromOurs], [1000, claimed], [3000, claimed], [5000, claimed]),
  ).toMatchInlineSnapshot(`
    "0 wanted | clear
    1000 claimed | clear | report 1 | defend
    3000 claimed | clear | until 11000
    5000 claimed | yielded (withheld) | until 15000 | report 2"
  `);
});

test('yield: claims more than 10 s apart are each defended', () => {
  expect(play('yield', [0, fromOurs], [1000, claimed], [12_000, claimed])).toMatchInlineSnapshot(`
    "0 wanted | clear
    1000 claimed | clear | report 1 | defend
    12000 claimed | clear | report 1 | defend"
  `);
});

test('who changes from yield to defend takes the VIP when it would have asked', () => {
  let { state } = stepConflict(NO_CONFLICT, first, 0, 'yield');
  for (const event of [placed, claimed]) ({ state } = stepConflict(state, event, 0, 'yield'));
  expect(isWithheld(state)).toBe(true);
  expect(isWithheld(stepConflict(state, tick, 10_000, 'defend').state)).toBe(false);
});

test('the end of the right forgets a probe, and remembers what was served', () => {
  expect(
    play('defend', [0, first], [0, placed], [10, { kind: 'unwanted' }], [20, first]),
  ).toMatchInlineSnapshot(`
    "0 wanted | waiting (withheld)
    0 placed | probing (withheld) | until 50 | probe
    10 unwanted | idle
    20 wanted | waiting (withheld)"
  `);
  expect(
    play('defend', [0, fromOurs], [10, { kind: 'unwanted' }], [20, first]),
  ).toMatchInlineSnapshot(`
    "0 wanted | clear
    10 unwanted | clear
    20 wanted | clear"
  `);
});

test('without the right a claim is none of ours: the holder makes them all the time', () => {
  expect(play('defend', [0, claimed])).toMatchInlineSnapshot(`"0 claimed | idle"`);
});
