import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { WatchedBackend } from '../../../src/core/health/balancer.ts';
import { HTTP_CHECK, TCP_CHECK } from '../../../src/core/health/check.ts';
import { backend, config, PASSED, REFUSED, Stage, UNASKED } from './stage.ts';

const lists = fc
  .uniqueArray(fc.integer({ min: 1, max: 8 }), { maxLength: 8 })
  .chain((hosts) =>
    fc.tuple(...hosts.map((host) => fc.nat({ max: 20 }).map((weight) => backend(host, weight)))),
  );

const moves = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('configure' as const), list: lists, http: fc.boolean() }),
    fc.record({
      kind: fc.constant('advance' as const),
      ms: fc.integer({ min: 0, max: 5000 }),
      findings: fc.array(fc.constantFrom(PASSED, REFUSED, UNASKED), { minLength: 1, maxLength: 8 }),
    }),
  ),
  { maxLength: 30 },
);

const settings = fc.record({
  rise: fc.integer({ min: 1, max: 3 }),
  fall: fc.integer({ min: 1, max: 3 }),
  slowStartMs: fc.constantFrom(0, 1, 1000, 20_000),
  panicPercent: fc.constantFrom(0, 33, 50, 100),
});

/** Checks the weights against what is known of the backends. */
function checkWeights(
  stage: Stage,
  list: readonly WatchedBackend[],
  rule: { readonly panicPercent: number; readonly slowStartMs: number },
): void {
  const { weights, panic } = stage.weights;
  const report = stage.machine.report();
  expect([...weights.keys()]).toEqual(list.map(({ id }) => id));
  expect(report.panic).toBe(panic);
  const eligible = report.backends.filter((_, index) => list[index]?.weight !== 0);
  const usable = eligible.filter(({ state }) => state !== 'unhealthy').length;
  expect(panic).toBe(usable * 100 < rule.panicPercent * eligible.length);
  for (const [index, { id, state, weight }] of report.backends.entries()) {
    const full = list[index]?.weight ?? 0;
    expect(weight).toBe(weights.get(id));
    expect(Number.isInteger(weight)).toBe(true);
    expect(weight).toBeLessThanOrEqual(full);
    if (panic) expect(weight).toBe(full);
    else if (state === 'unhealthy') expect(weight).toBe(0);
    else expect(weight).toBeGreaterThanOrEqual(Math.min(1, full));
    if (rule.slowStartMs === 0 && state !== 'unhealthy') expect(weight).toBe(full);
  }
}

test('weights follow from health, and one probe of a backend runs at a time', () => {
  fc.assert(
    fc.property(settings, moves, fc.integer(), (options, story, seed) => {
      let list: readonly WatchedBackend[] = [];
      let asked = 0;
      const stage = new Stage(config(list, options), seed);
      for (const move of story) {
        if (move.kind === 'configure') {
          list = move.list;
          const check = move.http ? HTTP_CHECK : TCP_CHECK;
          stage.configure({ ...config(list, options), check });
        } else {
          stage.advance(move.ms, () => {
            asked += 1;
            return move.findings[asked % move.findings.length] ?? PASSED;
          });
        }
        checkWeights(stage, list, options);
        const running = [...stage.running.values()].map((start) => start.backend.id);
        expect(new Set(running).size).toBe(running.length);
      }
    }),
  );
});

test('every backend is probed again and again, whatever happened before', () => {
  fc.assert(
    fc.property(settings, moves, lists, (options, story, last) => {
      const stage = new Stage(config([], options));
      for (const move of story) {
        if (move.kind === 'configure') stage.configure(config(move.list, options));
        else stage.advance(move.ms, () => REFUSED);
      }
      stage.configure(config(last, options));
      stage.probes.length = 0;
      stage.advance(4500, () => PASSED);
      for (const { id } of last) {
        expect(stage.probes.filter((probed) => probed.id === id).length).toBeGreaterThanOrEqual(2);
      }
    }),
  );
});
