import { expect, test } from 'vitest';
import { HTTP_CHECK } from '../../../src/core/health/check.ts';
import { NEVER } from '../../../src/core/time.ts';
import { backend, backends, config, PASSED, type Probed, REFUSED, Stage } from './stage.ts';

const FIRST = '192.0.2.1:80';
const passes = () => PASSED;
const refuses = () => REFUSED;
const refusesAt =
  (...ids: readonly string[]) =>
  (id: string) =>
    ids.includes(id) ? REFUSED : PASSED;

/** The milliseconds from each probe of a backend to its next. */
function gaps(probes: readonly Probed[], id: string): readonly number[] {
  const times = probes.filter((probed) => probed.id === id).map(({ at }) => at);
  return times.slice(1).map((at, index) => at - (times[index] ?? 0));
}

test('backends that nobody has judged yet have their full weight at once', () => {
  const stage = new Stage(config(backends(3, 5)));
  expect(stage.shown()).toBe('5 5 5');
  expect(stage.machine.report().backends.map(({ state }) => state)).toEqual([
    'unknown',
    'unknown',
    'unknown',
  ]);
});

test('without backends nothing is due', () => {
  expect(new Stage(config([])).wakeAt).toBe(NEVER);
});

test('first probes are spread over the first interval, one in each part of it', () => {
  const stage = new Stage(config(backends(1000)));
  stage.advance(2000, passes);
  const seen = new Set<string>();
  const first = stage.probes.filter(({ id }) => !seen.has(id) && seen.add(id));
  expect(first.map(({ at }) => Math.floor(at / 2))).toEqual(
    Array.from({ length: 1000 }, (_, index) => index),
  );
});

test('intervals are within a tenth of what is asked for, and use the room', () => {
  const stage = new Stage(config(backends(20)));
  stage.advance(100_000, passes);
  const all = backends(20).flatMap(({ id }) => gaps(stage.probes, id));
  expect(Math.min(...all)).toBeGreaterThanOrEqual(1800 - 1e-6);
  expect(Math.max(...all)).toBeLessThanOrEqual(2200 + 1e-6);
  expect(Math.max(...all) - Math.min(...all)).toBeGreaterThan(350);
});

test('other seeds give other times', () => {
  const [one, other] = [1, 2].map((seed) => {
    const stage = new Stage(config(backends(1)), seed);
    stage.advance(10_000, passes);
    return stage.probes;
  });
  expect(one).not.toEqual(other);
});

test('a backend that refuses is asked sooner, and unhealthy at the third time', () => {
  const stage = new Stage(config(backends(3)));
  stage.advance(4000, passes);
  stage.probes.length = 0;
  stage.advance(10_000, refusesAt(FIRST));
  expect(stage.lines).toEqual([`turned-unhealthy ${FIRST}: connection refused`]);
  expect(stage.shown()).toBe('0 1 1');
  const [second = 0, third = 0, fourth = 0] = gaps(stage.probes, FIRST);
  for (const fast of [second, third]) {
    expect(fast).toBeGreaterThanOrEqual(450);
    expect(fast).toBeLessThanOrEqual(550);
  }
  expect(fourth).toBeGreaterThanOrEqual(1800);
  expect(gaps(stage.probes, '192.0.2.2:80').every((gap) => gap > 1799)).toBe(true);
});

test('it is healthy again after two answers, and told with the reason', () => {
  const stage = new Stage(config(backends(3)));
  stage.advance(10_000, refusesAt(FIRST));
  stage.advance(10_000, passes);
  expect(stage.lines).toEqual([
    `turned-unhealthy ${FIRST}: connection refused`,
    `turned-healthy ${FIRST}: accepted a connection`,
  ]);
  expect(stage.shown()).toBe('1 1 1');
});

test('a probe that takes longer than its interval is followed by the next at once', () => {
  const stage = new Stage(config(backends(1)));
  stage.now = stage.wakeAt;
  stage.wake();
  const [start] = stage.running.values();
  expect(stage.wakeAt).toBe(NEVER);
  stage.now += 5000;
  if (start !== undefined) stage.hear(start, PASSED);
  expect(stage.wakeAt).toBe(stage.now);
});

test('a slow start tells each new weight, up to the whole', () => {
  const stage = new Stage(config(backends(3, 100), { slowStartMs: 9000 }));
  stage.advance(5000, refusesAt(FIRST));
  const seen: string[] = [];
  for (let elapsed = 0; elapsed < 15_000; elapsed += 100) {
    stage.advance(100, passes);
    if (seen.at(-1) !== stage.shown()) seen.push(stage.shown());
  }
  const own = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
  expect(seen).toEqual(own.map((weight) => `${weight} 100 100`));
});

test('an illness in the middle of a slow start ends it', () => {
  const stage = new Stage(config(backends(3, 100), { slowStartMs: 60_000 }));
  stage.advance(5000, refusesAt(FIRST));
  stage.advance(10_000, passes);
  expect(stage.shown()).toMatch(/^[12]0 100 100$/);
  stage.advance(5000, refusesAt(FIRST));
  expect(stage.shown()).toBe('0 100 100');
  stage.advance(100_000, refusesAt(FIRST));
  expect(stage.shown()).toBe('0 100 100');
});

test('with fewer than half of them usable health is ignored, until enough are', () => {
  const stage = new Stage(config(backends(4, 2)));
  const ids = backends(4).map(({ id }) => id);
  stage.advance(10_000, refusesAt(...ids.slice(0, 2)));
  expect(stage.shown()).toBe('0 0 2 2');
  stage.lines.length = 0;
  stage.advance(10_000, refusesAt(...ids.slice(0, 3)));
  expect(stage.shown()).toBe('2 2 2 2 panic');
  stage.advance(10_000, refusesAt(...ids.slice(0, 2)));
  expect(stage.shown()).toBe('0 0 2 2');
  expect(stage.lines).toEqual([
    'turned-unhealthy 192.0.2.3:80: connection refused',
    'panic-began 1/4',
    'turned-healthy 192.0.2.3:80: accepted a connection',
    'panic-ended 2/4',
  ]);
});

test('in panic a slow start does not hold back what is needed', () => {
  const stage = new Stage(config(backends(3, 100), { slowStartMs: 600_000 }));
  stage.advance(10_000, refuses);
  expect(stage.shown()).toBe('100 100 100 panic');
  stage.advance(10_000, (id) => (id === FIRST ? PASSED : REFUSED));
  expect(stage.shown()).toBe('100 100 100 panic');
  stage.advance(10_000, passes);
  expect(stage.shown()).toBe('10 10 10');
});

test('panicPercent 0 lets all of them be without connections', () => {
  const stage = new Stage(config(backends(2), { panicPercent: 0 }));
  stage.advance(10_000, refuses);
  expect(stage.shown()).toBe('0 0');
});

test('a backend that is drained is probed, never chosen, and counts for no panic', () => {
  const drained = backends(4).map((one, index) => (index < 2 ? { ...one, weight: 0 } : one));
  const stage = new Stage(config(drained));
  stage.advance(10_000, refusesAt('192.0.2.3:80'));
  expect(stage.shown()).toBe('0 0 0 1');
  expect(gaps(stage.probes, FIRST).length).toBeGreaterThan(2);
  stage.advance(10_000, refuses);
  expect(stage.shown()).toBe('0 0 1 1 panic');
});

test('a new list keeps what is known of those that stay', () => {
  const stage = new Stage(config(backends(4)));
  stage.advance(10_000, refusesAt(FIRST));
  stage.lines.length = 0;
  stage.configure(config([backend(1, 7), backend(3, 7), backend(9, 7)]));
  expect(stage.shown()).toBe('0 7 7');
  const states = stage.machine.report().backends.map(({ id, state }) => `${id} ${state}`);
  expect(states).toEqual([
    '192.0.2.1:80 unhealthy',
    '192.0.2.3:80 healthy',
    '192.0.2.9:80 unknown',
  ]);
  stage.advance(2500, refusesAt(FIRST));
  expect(stage.machine.report().backends.map(({ state }) => state)).toEqual([
    'unhealthy',
    'healthy',
    'healthy',
  ]);
  expect(stage.lines).toEqual([]);
});

test('a list that changes all the time does not keep probes from being heard', () => {
  const stage = new Stage(config(backends(3)));
  for (let round = 0; round < 50; round += 1) {
    stage.configure(config([...backends(3), backend(10 + (round % 2))]));
    stage.advance(200, refusesAt(FIRST));
  }
  expect(stage.lines).toEqual([`turned-unhealthy ${FIRST}: connection refused`]);
});

test('the same list again says nothing new', () => {
  const stage = new Stage(config(backends(3)));
  expect(stage.machine.configure(config(backends(3)), 10).changed).toBeUndefined();
});

test('an interval that becomes shorter is kept from the next probe on', () => {
  const stage = new Stage(config(backends(1), { intervalMs: 3_600_000 }));
  stage.advance(3_600_000, passes);
  stage.configure(config(backends(1), { intervalMs: 1000 }));
  expect(stage.wakeAt - stage.now).toBeLessThanOrEqual(1100);
});

test('what a removed backend answers, or one that is asked otherwise now, is ignored', () => {
  const stage = new Stage(config(backends(1)));
  stage.now = stage.wakeAt;
  stage.wake();
  const [stale] = stage.running.values();
  if (stale === undefined) throw new Error('no probe runs');
  const asked = { ...config(backends(1)), check: HTTP_CHECK };
  const step = stage.machine.configure(asked, stage.now);
  expect(step.abandoned).toEqual([stale.ticket]);
  expect(stage.machine.hear(FIRST, stale.ticket, REFUSED, stage.now).events).toEqual([]);
  expect(stage.machine.report().backends[0]?.state).toBe('unknown');
  stage.configure(config([]));
  expect(stage.machine.hear(FIRST, stale.ticket, REFUSED, stage.now).events).toEqual([]);
  expect(stage.machine.report().backends).toEqual([]);
});

test('another check asks all anew within an interval, and forgets no verdict', () => {
  const stage = new Stage(config(backends(4)));
  stage.advance(10_000, refusesAt(FIRST));
  stage.configure({ ...config(backends(4)), check: HTTP_CHECK });
  expect(stage.shown()).toBe('0 1 1 1');
  stage.probes.length = 0;
  stage.advance(2000, refusesAt(FIRST));
  expect(new Set(stage.probes.map(({ id }) => id)).size).toBe(4);
});
