import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ROOT } from '../tidy/source.ts';

let checkout = '';
let journal = '';

beforeEach(() => {
  checkout = mkdtempSync(path.join(os.tmpdir(), 'fairlead-lock-'));
  journal = path.join(checkout, 'journal');
});
afterEach(() => {
  rmSync(checkout, { recursive: true, force: true });
});

/** A process that takes the lock, writes that it is in, waits, writes that it is out. */
function startWorker(name: string, holdMs: number): ChildProcess {
  const code = `
    const fs = require('fs');
    const { withLock } = require(${JSON.stringify(path.join(ROOT, 'scripts/setup/lock.cjs'))});
    const note = (text) => fs.appendFileSync(${JSON.stringify(journal)}, text + '\\n');
    withLock(${JSON.stringify(checkout)}, async () => {
      note('${name} in');
      await new Promise((resolve) => setTimeout(resolve, ${holdMs}));
      note('${name} out');
    });`;
  return spawn(process.execPath, ['-e', code], { stdio: 'ignore' });
}

async function untilInside(name: string): Promise<void> {
  for (;;) {
    if (existsSync(journal) && readFileSync(journal, 'utf8').includes(`${name} in`)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('withLock() lets one process at a time work on a checkout', async () => {
  const workers = ['a', 'b', 'c', 'd'].map((name) => startWorker(name, 50));
  await Promise.all(workers.map((worker) => once(worker, 'exit')));
  const notes = readFileSync(journal, 'utf8').trim().split('\n');
  expect(notes).toHaveLength(8);
  for (let at = 0; at < notes.length; at += 2) {
    expect(notes[at + 1]).toBe(notes[at]?.replace('in', 'out'));
  }
  expect(existsSync(path.join(checkout, 'build/setup.lock'))).toBe(false);
});

test('withLock() takes the lock of a process that was killed', async () => {
  const killed = startWorker('a', 60_000);
  await untilInside('a');
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  await once(startWorker('b', 0), 'exit');
  expect(readFileSync(journal, 'utf8')).toBe('a in\nb in\nb out\n');
});

test('withLock() says whose the checkout should be when nothing can be written there', () => {
  // No permission, and no root, makes a folder of this.
  writeFileSync(path.join(checkout, 'build'), '');
  const code = `
    const { withLock } = require(${JSON.stringify(path.join(ROOT, 'scripts/setup/lock.cjs'))});
    withLock(${JSON.stringify(checkout)}, () => {}).catch((err) => console.log(err.exitCode, err.message));`;
  const { stdout } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' });
  expect(stdout).toMatch(/^2 cannot write in .*\/build \(EEXIST\); make this folder .* yours/);
});
