import { expect, test } from 'vitest';
import { add, TALLIED, type Tally } from './referee.ts';
import { makeScenario } from './scenario.ts';
import { simulate } from './simulation.ts';

const SEEDS = 150;

test(`no two rights in ${SEEDS} seeds, and a leader after every one of them`, {
  timeout: 60_000,
}, () => {
  const seen: Tally = new Map();
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { violation, tally } = simulate(makeScenario(seed));
    expect(
      violation,
      `SEED=${seed}; npm run sim -- --seed ${seed} --trace tells it`,
    ).toBeUndefined();
    for (const name of tally.keys()) add(seen, name, 1);
  }
  // Seeds that try nothing would pass, too.
  expect([...seen.keys()].sort()).toEqual(Object.keys(TALLIED).sort());
});

test('makeScenario() asks for 30 s and three faults at least', () => {
  for (let seed = 1; seed <= 2000; seed += 1) {
    const { faults, endsAt, nodes } = makeScenario(seed);
    expect(endsAt).toBeGreaterThanOrEqual(30_000);
    expect(faults.length, `SEED=${seed}`).toBeGreaterThanOrEqual(3);
    expect(nodes).toBeGreaterThanOrEqual(2);
  }
});

test('simulate() tells the same story of the same seed', () => {
  const story = simulate(makeScenario(42), true).story;
  expect(simulate(makeScenario(42), true).story).toEqual(story);
  expect(story.length).toBeGreaterThan(10);
});
