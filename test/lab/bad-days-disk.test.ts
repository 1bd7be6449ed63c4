import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { playFault, playOpening } from '../../src/demo/play.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { fillDisk, giveSmallDisk, startOnBadDay } from './bad-machine.ts';
import { onStage } from './lab.ts';
import { needsLab } from './namespaces.ts';
import { shareHeld, startReferees, termOf } from './referees.ts';

/** The files of term and vote that are whole. */
function votesBeside(config: string): readonly string[] {
  return readdirSync(path.join(path.dirname(config), 'data')).filter((name) =>
    name.endsWith('.raft'),
  );
}

/** How long the VIP was nobody's, in milliseconds, while `act` had another node take it. */
async function move(stage: Stage, act: (holder: string) => Promise<unknown>): Promise<number> {
  const { holder = '' } = stage;
  const began = stage.now();
  await act(holder);
  await stage.until(() => stage.holder !== undefined && stage.holder !== holder, 5000);
  expect(stage.holder).not.toBe(holder);
  const at = (held: boolean): number =>
    stage.history.holding.find(
      (change) => change.at > began && change.held === held && (change.node === holder) !== held,
    )?.at ?? Infinity;
  return at(true) - at(false);
}

describe('every sync takes 2 s', () => {
  needsLab('no failover waits for it', async () => {
    await onStage({ nodes: 3 }, async (stage) => {
      const referees = await startReferees(stage);
      const slow = { wallMs: 0, bootMs: 0, fsyncMs: 2000 };
      for (const daemon of stage.daemons) startOnBadDay(daemon, slow);
      await sleep(1000);
      // Slow it is: what the start has to write is not there yet.
      expect(stage.daemons.flatMap(({ files }) => votesBeside(files.config))).toEqual([]);
      expect(await stage.untilWhole(10_000)).toBe(true);
      // A move that waited for the disk would take 2 s.
      expect(await move(stage, (holder) => stage.handoff(holder))).toBeLessThan(300);
      expect(await stage.untilWhole(10_000)).toBe(true);
      expect(await move(stage, (holder) => stage.daemon(holder).end('SIGKILL'))).toBeLessThan(300);
      referees.judge();
    });
  });
});

describe('the disks are full', () => {
  needsLab('of all nodes: nothing moves, a failover is as ever, and status says so', async () => {
    await onStage({ nodes: 3 }, async (stage) => {
      const referees = await startReferees(stage);
      const homes = stage.daemons.map((daemon) => giveSmallDisk(daemon));
      // Lazily, since the daemons are still there then.
      stage.atClose(() => void execFileSync('umount', ['--lazy', ...homes]));
      expect(await playOpening(stage, () => {})).toBe(true);
      const [term, from] = [await termOf(stage), stage.now()];
      const makeRoom = homes.map((home) => fillDisk(home));
      await sleep(1500);
      expect(shareHeld(stage, { from, until: stage.now() })).toBe(1);
      expect(await termOf(stage)).toBe(term);
      const outcome = await playFault(stage, 'kill', () => {});
      expect(outcome.broken).toEqual([]);
      expect(await termOf(stage)).toBeGreaterThan(term);
      const complaints = async (): Promise<readonly string[]> => {
        const { warnings } = await stage.status(stage.holder ?? '');
        return warnings.filter((warning) => warning.includes('ENOSPC'));
      };
      expect(await complaints()).toHaveLength(1);
      for (const clear of makeRoom) clear();
      await expect.poll(complaints, { timeout: 6000 }).toEqual([]);
      expect(await stage.untilWhole(10_000)).toBe(true);
      referees.judge();
    });
  });
});
