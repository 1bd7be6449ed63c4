import { describe, expect, vi } from 'vitest';
import { playBlow } from './fence-round.ts';
import { FENCE_ROWS } from './fence-rows.ts';
import { onFenceStage } from './fence-stage.ts';
import { needsLab } from './namespaces.ts';
import { watchStalls } from './stalls.ts';

// Each fence alone, the others switched off in a build for tests; `npm run bench:fences` has more
// rounds. What a round took in which this machine stood still says nothing of the fences.

vi.setConfig({ testTimeout: 60_000 });
const ROUNDS = 3;
const STALLED_MS = 10;

describe('with no other fence than', () => {
  for (const row of FENCE_ROWS) {
    needsLab(row.name, async () => {
      await onFenceStage(row, 'default', async (stage, watchers) => {
        const stalls = await watchStalls((end) => stage.atClose(end));
        for (let round = 0; round < ROUNDS; round += 1) {
          const fall = await playBlow(stage, watchers, row);
          const until = Date.now();
          const struckAt = until - (stage.now() - fall.struckAt);
          if (stalls.withinMs({ from: struckAt, until }) > STALLED_MS) continue;
          for (const bound of row.bounds) {
            expect(bound.measure(fall), bound.what).toBeLessThanOrEqual(bound.testLimitMs);
          }
          expect(fall.resigned).toBe(row.resigns);
        }
      });
    });
  }
});
