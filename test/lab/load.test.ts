import { expect } from 'vitest';
import { playOpening } from '../../src/demo/play.ts';
import { leaderChangesUnderLoad } from './full-load.ts';
import { onStage } from './lab.ts';
import { needsNamespaces } from './namespaces.ts';

const DURATION_MS = 20_000;
/** A host that takes both processors for longer than a right lasts has it end, as it should. */
const MOST_PLAYS = 3;

// The full form is ten minutes: npm run bench:load.
needsNamespaces(
  'no leader changes while every processor is at work',
  async () => {
    await onStage({ nodes: 3, timing: 'profile' }, async (stage) => {
      expect(await playOpening(stage, () => {})).toBe(true);
      const plays: (readonly string[])[] = [];
      do {
        expect(await stage.untilWhole(10_000)).toBe(true);
        plays.push(await leaderChangesUnderLoad(stage, DURATION_MS));
      } while (plays.length < MOST_PLAYS && !plays.some((changes) => changes.length === 0));
      expect(plays).toContainEqual([]);
    });
  },
  MOST_PLAYS * DURATION_MS + 60_000,
);
