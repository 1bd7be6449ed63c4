import { expect, test } from 'vitest';
import {
  ANY,
  ask,
  backendsAt,
  type Client,
  closedBackend,
  connectTo,
  countersOf,
  endOf,
  LOOPBACK,
  listenerTo,
  openForwarder,
  type Place,
  say,
  startBackend,
  type TestBackend,
  until,
} from './forwarder-rig.ts';

/** Backends that say their names: a, b, c and so on. */
async function speakers(weights: readonly number[]): Promise<readonly Place[]> {
  const started: Place[] = [];
  for (const [index, weight] of weights.entries()) {
    const name = String.fromCharCode('a'.charCodeAt(0) + index);
    started.push({ ...(await startBackend(say(name))), weight });
  }
  return started;
}

/** Backends that keep what they get, each with its sockets. */
async function keepers(weights: readonly number[]): Promise<readonly TestBackend[]> {
  const backends = await Promise.all(
    weights.map(() => startBackend((socket) => void socket.resume())),
  );
  return backends.map((backend, index) => ({ ...backend, weight: weights[index] ?? 1 }));
}

function tally(words: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

/** Addresses of clients, in 127.0.0.0/8, which is all of this machine. */
function addressesOfClients(count: number): readonly string[] {
  return Array.from(
    { length: count },
    (_, index) => `127.1.${Math.floor(index / 250)}.${(index % 250) + 1}`,
  );
}

/** What each of these clients is answered. */
async function askFrom(
  listener: { readonly port: number },
  clients: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const answers = new Map<string, string>();
  for (const localAddress of clients) {
    answers.set(localAddress, await ask(listener, '', LOOPBACK, { localAddress }));
  }
  return answers;
}

test('round-robin spreads turns smoothly by weight', async () => {
  const listener = await listenerTo(await speakers([5, 1, 1]));
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  const answers: string[] = [];
  for (let count = 0; count < 14; count++) answers.push(await ask(listener));
  expect(answers.join('')).toBe('aabacaa'.repeat(2));
});

test('round-robin keeps to the weights over two threads at once', async () => {
  const listener = await listenerTo(await speakers([4, 2, 2, 0]));
  const forwarder = openForwarder(2);
  await forwarder.setListeners([listener], { resetRemoved: false });
  const answers = await Promise.all(Array.from({ length: 200 }, () => ask(listener)));
  expect(tally(answers)).toEqual({ a: 100, b: 50, c: 50 });
});

test('a weight changes in place: counters stay, and at 0 only old connections go on', async () => {
  const backends = await keepers([1, 1]);
  const listener = await listenerTo(backends);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  const clients = [connectTo(listener), connectTo(listener)];
  const opened = (): readonly number[] =>
    countersOf(forwarder, listener).backends.map(({ open }) => open);
  await until(opened, ([one, other]) => one === 1 && other === 1);

  const weighed = backendsAt(backends.map((backend, weight) => ({ ...backend, weight })));
  const changed = { ...listener, backends: weighed };
  await forwarder.setListeners([changed], { resetRemoved: false });
  clients.push(connectTo(listener), connectTo(listener), connectTo(listener));
  await until(opened, ([one, other]) => one === 1 && other === 4);
  expect(countersOf(forwarder, listener).backends).toMatchObject([
    { weight: 0, total: 1 },
    { weight: 1, total: 4 },
  ]);
  for (const { socket } of clients) socket.end();
});

test('a client is reset, and counted, when every weight is 0', async () => {
  for (const algorithm of ['round-robin', 'least-connections', 'source-hash'] as const) {
    const listener = await listenerTo(await speakers([0, 0]), { algorithm });
    const forwarder = openForwarder();
    await forwarder.setListeners([listener], { resetRemoved: false });
    expect(await endOf(connectTo(listener))).toBe('ECONNRESET');
    expect(countersOf(forwarder, listener)).toMatchObject({
      failed: 1,
      backends: [{ failed: 0 }, { failed: 0 }],
    });
  }
});

test('a backend of weight 0 is not tried in place of one that refuses', async () => {
  const [idle] = await speakers([0]);
  const closed = await closedBackend();
  for (const algorithm of ['round-robin', 'least-connections', 'source-hash'] as const) {
    const listener = await listenerTo([idle ?? closed, closed], { algorithm });
    const forwarder = openForwarder();
    await forwarder.setListeners([listener], { resetRemoved: false });
    expect(await endOf(connectTo(listener))).toBe('ECONNRESET');
  }
});

test('a connection tries three backends at most', async () => {
  const backends = await Promise.all([0, 1, 2, 3].map(closedBackend));
  for (const algorithm of ['round-robin', 'least-connections', 'source-hash'] as const) {
    const listener = await listenerTo(backends, { algorithm });
    const forwarder = openForwarder();
    await forwarder.setListeners([listener], { resetRemoved: false });
    expect(await endOf(connectTo(listener))).toBe('ECONNRESET');
    const failed = countersOf(forwarder, listener).backends.map((backend) => backend.failed);
    expect(failed.toSorted((one, other) => one - other)).toEqual([0, 1, 1, 1]);
  }
});

test('least-connections sends a burst, and the next one, where there is least by weight', async () => {
  const backends = await keepers([1, 3]);
  const listener = await listenerTo(backends, { algorithm: 'least-connections' });
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  const opened = (): readonly number[] =>
    countersOf(forwarder, listener).backends.map(({ open }) => open);
  const clients: Client[] = Array.from({ length: 8 }, () => connectTo(listener));
  expect(await until(opened, ([a = 0, b = 0]) => a + b === 8)).toEqual([2, 6]);
  expect(countersOf(forwarder, listener).backends.map(({ connecting }) => connecting)).toEqual([
    0, 0,
  ]);

  // The light one loses both of its connections, and is the next one's choice.
  for (const socket of backends[0]?.sockets ?? []) socket.resetAndDestroy();
  await until(opened, ([a]) => a === 0);
  clients.push(connectTo(listener));
  expect(await until(opened, ([a = 0, b = 0]) => a + b === 7)).toEqual([1, 6]);
});

test('least-connections takes turns between equals', async () => {
  const listener = await listenerTo(await speakers([1, 1, 1]), { algorithm: 'least-connections' });
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  const answers: string[] = [];
  for (let count = 0; count < 6; count++) {
    answers.push(await ask(listener));
    await until(
      () => countersOf(forwarder, listener).open,
      (open) => open === 0,
    );
  }
  expect(answers.join('')).toBe('abcabc');
});

test('source-hash sends a client to the same backend, whatever node it asks', async () => {
  const backends = await speakers([1, 1, 1, 1, 1]);
  const one = await listenerTo(backends, { algorithm: 'source-hash' });
  // Another node lists them in another order, and listens on every address, so that clients come
  // by mapped addresses.
  const other = await listenerTo(backends.toReversed(), {
    algorithm: 'source-hash',
    address: ANY,
  });
  await openForwarder().setListeners([one], { resetRemoved: false });
  await openForwarder(2).setListeners([other], { resetRemoved: false });
  const clients = addressesOfClients(100);
  const answers = await askFrom(one, clients);
  expect(await askFrom(other, clients)).toEqual(answers);
  expect(await askFrom(one, clients)).toEqual(answers);
  for (const count of Object.values(tally([...answers.values()]))) expect(count).toBeGreaterThan(3);
});

test('source-hash moves few clients of the others when a backend goes', async () => {
  const backends = await speakers(Array.from({ length: 10 }, () => 1));
  const listener = await listenerTo(backends, { algorithm: 'source-hash' });
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  const clients = addressesOfClients(400);
  const before = await askFrom(listener, clients);
  const fewer = { ...listener, backends: backendsAt(backends.slice(1)) };
  await forwarder.setListeners([fewer], { resetRemoved: false });
  const after = await askFrom(listener, clients);
  expect([...after.values()]).not.toContain('a');
  const others = clients.filter((client) => before.get(client) !== 'a');
  const moved = others.filter((client) => before.get(client) !== after.get(client));
  expect(moved.length).toBeLessThan((2 / backends.length) * others.length);
});

test('source-hash has the same second choice everywhere', async () => {
  const backends = [await closedBackend(), ...(await speakers([1, 1, 1]))];
  const one = await listenerTo(backends, { algorithm: 'source-hash' });
  const other = await listenerTo(backends.toReversed(), { algorithm: 'source-hash' });
  const forwarder = openForwarder();
  await forwarder.setListeners([one, other], { resetRemoved: false });
  const clients = addressesOfClients(60);
  expect(await askFrom(other, clients)).toEqual(await askFrom(one, clients));
  // It was left alone after a while, and that made no difference.
  expect(countersOf(forwarder, one).backends[0]).toMatchObject({ failed: 3, ejected: 1 });
});
