import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadBinding } from '../../src/dataplane/binding.ts';
import { stopThread } from '../lab/stop-thread.ts';

let child: ChildProcess;
let pid: number;

beforeEach(async () => {
  const busy = 'console.log(); setInterval(() => {}, 1)';
  child = spawn(process.execPath, ['-e', busy], { stdio: ['ignore', 'pipe', 'inherit'] });
  pid = child.pid ?? 0;
  if (child.stdout !== null) await once(child.stdout, 'data');
});
afterEach(async () => {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
});

/** The threads that a debugger has stopped, as the kernel says. */
function stoppedThreads(): readonly number[] {
  return readdirSync(`/proc/${pid}/task`)
    .filter((tid) => /^State:\tt/m.test(readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8')))
    .map(Number);
}

test('one thread stops, the others do not, and it runs on when it is let go', async () => {
  const before = loadBinding().bootTimeMs();
  const stopped = await stopThread(pid);
  expect(stopped.at).toBeGreaterThan(before);
  expect(stopped.at).toBeLessThanOrEqual(loadBinding().bootTimeMs());
  expect(stoppedThreads()).toEqual([pid]);
  await stopped.resume();
  expect(stoppedThreads()).toEqual([]);
});

test('a process can be killed while a thread of it is stopped', async () => {
  const stopped = await stopThread(pid);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await stopped.resume();
});

test('a thread that is not there is said to be', async () => {
  await expect(stopThread(2 ** 22 + 1)).rejects.toThrow('was not stopped');
});
