import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Stage } from '../../src/demo/stage.ts';
import { startOnBadDay } from './bad-machine.ts';
import { onStage } from './lab.ts';
import { needsLab } from './namespaces.ts';
import { type Referees, shareHeld, startReferees, termOf } from './referees.ts';

// Clocks that somebody sets. No daemon may ever see the machine's own clock move, so each daemon's
// C library is made to tell it another time.

const HOUR_MS = 3_600_000;
const TEN_YEARS_MS = 87_660 * HOUR_MS;
const GOOD_DAY = { wallMs: 0, bootMs: 0, fsyncMs: 0 };

/** The year that a daemon believes in, by the last line of its log. */
function yearOf(stage: Stage, node: string): number {
  const last = stage.daemon(node).log.trimEnd().split('\n').at(-1) ?? '';
  return Number(/"time":"\+?0*(\d{4})-/.exec(last)?.[1]);
}

type Clocks = ReadonlyMap<string, ReturnType<typeof startOnBadDay>>;

async function withClocks(
  story: (stage: Stage, clocks: Clocks, referees: Referees) => Promise<void>,
): Promise<void> {
  await onStage({ nodes: 3 }, async (stage) => {
    const referees = await startReferees(stage);
    const clocks = new Map(stage.daemons.map((daemon) => [daemon.node, startOnBadDay(daemon)]));
    expect(await stage.untilWhole(10_000)).toBe(true);
    await story(stage, clocks, referees);
    referees.judge();
  });
}

needsLab('the wall clock jumps by an hour and by ten years: nothing moves', async () => {
  await withClocks(async (stage, clocks) => {
    for (const jumpMs of [HOUR_MS, -HOUR_MS, TEN_YEARS_MS, -TEN_YEARS_MS]) {
      const [term, from] = [await termOf(stage), stage.now()];
      for (const set of clocks.values()) {
        set({ ...GOOD_DAY, wallMs: jumpMs });
        await sleep(300);
      }
      expect(await stage.untilWhole(1000)).toBe(true);
      expect(shareHeld(stage, { from, until: stage.now() })).toBe(1);
      expect(await termOf(stage)).toBe(term);
      // That the clocks did jump, and that the VIP moves as ever.
      const { holder = '' } = stage;
      expect((await stage.handoff(holder)).kind).toBe('done');
      expect(await stage.untilWhole(2000)).toBe(true);
      expect(stage.holder).not.toBe(holder);
      const year = new Date(Date.now() + jumpMs).getUTCFullYear();
      expect(yearOf(stage, stage.holder ?? '')).toBe(year);
    }
  });
});

needsLab('a holder that lost time in suspend lets go at once, and takes part again', async () => {
  await withClocks(async (stage, clocks) => {
    for (const lostMs of [HOUR_MS, TEN_YEARS_MS]) {
      const { holder = '' } = stage;
      const woke = stage.now();
      clocks.get(holder)?.({ ...GOOD_DAY, bootMs: lostMs });
      const left = (): number | undefined =>
        stage.history.holding.find(({ node, held, at }) => node === holder && !held && at > woke)
          ?.at;
      await stage.until(() => left() !== undefined, 2000);
      // Its next heartbeat is due within 50 ms, and finds the right over; three times that.
      expect((left() ?? Infinity) - woke).toBeLessThan(150);
      expect(await stage.untilWhole(10_000)).toBe(true);
    }
  });
});
