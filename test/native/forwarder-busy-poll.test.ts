import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { invariant } from '../../src/core/invariant.ts';
import { Forwarder } from '../../src/dataplane/forwarder.ts';
import { connectTo, echo, listenerTo, startBackend } from './forwarder-rig.ts';

const MESSAGES = 200;

/** How often the forwarding thread of this process has gone to sleep (proc_pid_status(5)). */
function sleepsOfThread(): number {
  const tasks = readdirSync('/proc/self/task').map((tid) => `/proc/self/task/${tid}`);
  const thread = tasks.find((task) => readFileSync(`${task}/comm`, 'utf8') === 'fl-forward-0\n');
  invariant(thread !== undefined, 'the thread runs');
  const status = readFileSync(`${thread}/status`, 'utf8');
  return Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1]);
}

/** How often it slept while one client sent a message and had it back, so many times. */
async function sleepsOfTurns(busyPollUs: number): Promise<number> {
  const listener = await listenerTo([await startBackend(echo)]);
  const forwarder = new Forwarder({ threads: 1, busyPollUs });
  onTestFinished(() => forwarder.close());
  await forwarder.setListeners([listener], { resetRemoved: false });
  const { socket } = connectTo(listener);
  await once(socket, 'connect');
  const before = sleepsOfThread();
  for (let count = 0; count < MESSAGES; count += 1) {
    socket.write('x');
    await once(socket, 'data');
  }
  const slept = sleepsOfThread() - before;
  await sleep(50);
  const atRest = sleepsOfThread();
  await sleep(200);
  // With nothing to do it sleeps, and is not woken for asking.
  expect(sleepsOfThread() - atRest).toBeLessThan(5);
  socket.destroy();
  forwarder.close();
  return slept;
}

test('a thread that asks for work before it sleeps seldom sleeps in a conversation', async () => {
  expect(await sleepsOfTurns(0)).toBeGreaterThan(MESSAGES);
  // On a busy machine the other side of the conversation may come late, but not every time.
  const asked = [await sleepsOfTurns(1000), await sleepsOfTurns(1000), await sleepsOfTurns(1000)];
  expect(Math.min(...asked)).toBeLessThan(MESSAGES / 2);
});
