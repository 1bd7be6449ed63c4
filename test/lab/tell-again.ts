import { readFileSync } from 'node:fs';
import { beforeEach, type TestError } from 'vitest';
import { BrokenPromise } from './broken-promise.ts';
import { stalledMs } from './stalls.ts';
import { STOOD_STILL } from './stood-still.ts';

// A guest's host gives its processors to others, for hundreds of milliseconds at bad times: a right
// runs out then, as it should, and so does the patience of a test. A test that fails while the
// machine stood still has judged the machine; it is told again, at most twice (vitest.config.ts),
// and the report says so. A broken promise stands: no pause of a machine excuses it.

/** Shorter pauses are no excuse: every length that a test allows has more room than that. */
const EXCUSED_MS = 20;

beforeEach(({ onTestFailed }) => {
  const from = Date.now();
  onTestFailed(({ task }) => {
    const error = task.result?.errors?.at(-1);
    if (error === undefined || breaksPromise(error)) return;
    const lostMs = stalledMs(watched(), { from, until: Date.now() });
    if (lostMs < EXCUSED_MS) return;
    error.message += `\n${STOOD_STILL} for ${lostMs.toFixed(0)} ms during this test`;
  });
});

function watched(): string {
  const file = process.env['FAIRLEAD_STALLS'];
  return file === undefined ? '' : readFileSync(file, 'utf8');
}

function breaksPromise({ name, cause }: TestError): boolean {
  return name === BrokenPromise.name || (cause !== undefined && breaksPromise(cause));
}
