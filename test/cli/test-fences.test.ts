import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { testProgram } from '../lab/test-program.ts';
import { buildProgram, fairlead, MAIN } from './fairlead.ts';

/** Everything that a bundle consists of. */
function textOf(main: string): string {
  const folder = path.dirname(main);
  const chunks = readdirSync(folder).filter((name) => name.endsWith('.js'));
  return chunks.map((name) => readFileSync(path.join(folder, name), 'utf8')).join('\n');
}

/** Where a fence is left out, and what then stands in its place. */
const SWITCH = /without\.has\(|\bAbsentGuard\b|\bEverlastingKernel\b/;

describe('the switch that takes fences away from a daemon', () => {
  beforeAll(buildProgram);

  test('is in builds for tests', () => {
    expect(textOf(testProgram())).toMatch(SWITCH);
  });

  test('is not in the release', () => {
    expect(textOf(MAIN)).toContain('startGuard');
    expect(textOf(MAIN)).not.toMatch(SWITCH);
  });

  test.each(['guard', 'guard,gate,lifetime', ''])(
    'FAIRLEAD_WITHOUT=%s: the release does not start',
    async (without) => {
      const outcome = await fairlead(['run'], { FAIRLEAD_WITHOUT: without });
      expect(outcome.code).toBe(2);
      expect(outcome.err).toContain('fences cannot be switched off');
      expect(outcome.err).toContain('Unset FAIRLEAD_WITHOUT');
    },
  );

  test('every other command is left alone', async () => {
    expect(await fairlead(['version'], { FAIRLEAD_WITHOUT: 'guard' })).toMatchObject({ code: 0 });
  });
});
