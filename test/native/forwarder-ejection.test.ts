import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  ask,
  closedBackend,
  connectTo,
  countersOf,
  endOf,
  LOOPBACK,
  listenerTo,
  openForwarder,
  say,
  startBackend,
} from './forwarder-rig.ts';

async function askTimes(listener: { readonly port: number }, times: number): Promise<string[]> {
  const answers: string[] = [];
  for (let count = 0; count < times; count++) answers.push(await ask(listener));
  return answers;
}

test('a backend that refuses is left alone, tried again in time, and then used or not', async () => {
  const open = await startBackend(say('open'));
  const [recovers, stays] = [await closedBackend(), await closedBackend()];
  const first = await listenerTo([recovers, open]);
  const second = await listenerTo([stays, open]);
  const forwarder = openForwarder(2);
  await forwarder.setListeners([first, second], { resetRemoved: false });
  for (const listener of [first, second]) {
    const answers = await askTimes(listener, 50);
    expect(new Set(answers)).toEqual(new Set(['open']));
    const [refuses] = countersOf(forwarder, listener).backends;
    expect(refuses).toMatchObject({ failed: 3, total: 0, ejected: 1 });
    expect(refuses?.ejectedForMs).toBeGreaterThan(5000);
    expect(refuses?.ejectedForMs).toBeLessThanOrEqual(10_000);
  }

  await startBackend(say('back'), LOOPBACK, recovers.port);
  expect(new Set(await askTimes(first, 10))).toEqual(new Set(['open']));
  await sleep(10_100);
  const answers = await askTimes(first, 10);
  expect(answers.filter((answer) => answer === 'back')).toHaveLength(5);
  expect(countersOf(forwarder, first).backends[0]).toMatchObject({
    failed: 3,
    total: 5,
    ejected: 1,
    ejectedForMs: 0,
  });

  // One connection is the try. It finds the other backend, so no client notices.
  expect(new Set(await askTimes(second, 10))).toEqual(new Set(['open']));
  const [refuses] = countersOf(forwarder, second).backends;
  expect(refuses).toMatchObject({ failed: 4, total: 0, ejected: 2 });
  expect(refuses?.ejectedForMs).toBeGreaterThan(15_000);
  expect(refuses?.ejectedForMs).toBeLessThanOrEqual(20_000);
});

test('the turns of a backend that is left alone go to all others', async () => {
  const [a, b] = [await startBackend(say('a')), await startBackend(say('b'))];
  const listener = await listenerTo([a, await closedBackend(), b]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  await askTimes(listener, 10);
  expect((await askTimes(listener, 10)).toSorted().join('')).toBe('aaaaabbbbb');
});

test('when every backend refuses, each is tried all the same, and clients are reset', async () => {
  const listener = await listenerTo([await closedBackend(), await closedBackend()]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  for (let count = 0; count < 10; count++) {
    expect(await endOf(connectTo(listener))).toBe('ECONNRESET');
  }
  expect(countersOf(forwarder, listener)).toMatchObject({
    open: 0,
    total: 10,
    failed: 10,
    backends: [
      { connecting: 0, failed: 10, ejected: 1 },
      { connecting: 0, failed: 10, ejected: 1 },
    ],
  });
});

test('a backend is reached although most of the others are ejected', async () => {
  const open = await startBackend(say('open'));
  for (const algorithm of ['round-robin', 'least-connections', 'source-hash'] as const) {
    const backends = [await closedBackend(), open, await closedBackend()];
    const listener = await listenerTo(backends, { algorithm });
    const forwarder = openForwarder();
    await forwarder.setListeners([listener], { resetRemoved: false });
    expect(new Set(await askTimes(listener, 20))).toEqual(new Set(['open']));
  }
});

test('a backend that is drained and gets a weight again is tried at once', async () => {
  const closed = await closedBackend();
  const listener = await listenerTo([closed, await startBackend(say('open'))]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  await askTimes(listener, 10);
  await startBackend(say('back'), LOOPBACK, closed.port);
  const drained = listener.backends.map((backend, index) => ({ ...backend, weight: index }));
  await forwarder.setListeners([{ ...listener, backends: drained }], { resetRemoved: false });
  expect(new Set(await askTimes(listener, 4))).toEqual(new Set(['open']));
  await forwarder.setListeners([listener], { resetRemoved: false });
  expect((await askTimes(listener, 4)).toSorted()).toEqual(['back', 'back', 'open', 'open']);
});

test('a backend stays ejected when only its weight changes', async () => {
  const closed = await closedBackend();
  const open = await startBackend(say('open'));
  const listener = await listenerTo([closed, open]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  await askTimes(listener, 10);
  const backends = listener.backends.map((backend) => ({ ...backend, weight: 2 }));
  const changed = { ...listener, backends, algorithm: 'least-connections' as const };
  await forwarder.setListeners([changed], { resetRemoved: false });
  await askTimes(listener, 10);
  expect(countersOf(forwarder, listener).backends).toMatchObject([
    { weight: 2, failed: 3, ejected: 1 },
    { weight: 2, total: 20 },
  ]);
});
