import { expect, test } from 'vitest';
import { needsNamespaces } from '../lab/namespaces.ts';
import {
  address,
  ask,
  backendsAt,
  bindTestAddress,
  closedBackend,
  connectTo,
  countersOf,
  endOf,
  listenerTo,
  openForwarder,
  say,
  startBackend,
  until,
} from './forwarder-rig.ts';

async function askTimes(listener: { readonly port: number }, times: number): Promise<string[]> {
  const answers: string[] = [];
  for (let count = 0; count < times; count++) answers.push(await ask(listener));
  return answers;
}

test('each listener goes round its own backends', async () => {
  const [a, b, c] = [
    await startBackend(say('a')),
    await startBackend(say('b')),
    await startBackend(say('c')),
  ];
  const first = await listenerTo([a, b, c]);
  const second = await listenerTo([b, a]);
  const forwarder = openForwarder(2);
  await forwarder.setListeners([first, second], { resetRemoved: false });

  expect(await askTimes(first, 2)).toEqual(['a', 'b']);
  expect(await askTimes(second, 3)).toEqual(['b', 'a', 'b']);
  expect(await askTimes(first, 4)).toEqual(['c', 'a', 'b', 'c']);
});

test('a backend that refuses is passed over, and counted', async () => {
  const closed = await closedBackend();
  const open = await startBackend(say('open'));
  const listener = await listenerTo([closed, open]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });

  expect(await askTimes(listener, 4)).toEqual(['open', 'open', 'open', 'open']);
  const counted = await until(
    () => countersOf(forwarder, listener),
    (counters) => counters.open === 0,
  );
  expect(counted).toMatchObject({
    total: 4,
    failed: 0,
    bytesOut: 16,
    backends: [
      { ...closed, open: 0, total: 0, failed: 2 },
      { address: open.address, port: open.port, open: 0, total: 4, failed: 0 },
    ],
  });
});

test('a client is reset when no backend can be reached, each tried once', async () => {
  const backends = [await closedBackend(), await closedBackend()];
  const listener = await listenerTo(backends);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });

  expect(await endOf(connectTo(listener))).toBe('ECONNRESET');
  expect(countersOf(forwarder, listener)).toMatchObject({
    open: 0,
    total: 1,
    failed: 1,
    backends: [{ failed: 1 }, { failed: 1 }],
  });
});

test('a client is reset when there are no backends', async () => {
  const listener = await listenerTo([]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  expect(await endOf(connectTo(listener))).toBe('ECONNRESET');
  await expect
    .poll(() => countersOf(forwarder, listener))
    .toMatchObject({ open: 0, total: 1, failed: 1 });
});

test('a backend of a family that has no route is passed over', async () => {
  const nowhere = { address: address('2001:db8::1'), port: 80 };
  const open = await startBackend(say('open'));
  const listener = await listenerTo([nowhere, open], { connectTimeoutMs: 200 });
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  expect(await ask(listener)).toBe('open');
});

needsNamespaces('a backend that does not answer is given up at connectTimeoutMs', async () => {
  const silent = { address: await silentAddress(), port: 80 };
  const open = await startBackend(say('open'));
  const listener = await listenerTo([silent, open], { connectTimeoutMs: 200 });
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });

  const begin = performance.now();
  expect(await ask(listener, 'sent before there was a backend')).toBe('open');
  const tookMs = performance.now() - begin;
  expect(tookMs).toBeGreaterThanOrEqual(190);
  expect(tookMs).toBeLessThan(400);
  expect(countersOf(forwarder, listener).backends).toMatchObject([{ failed: 1 }, { total: 1 }]);
});

needsNamespaces(
  'a client that resets while a backend does not answer is let go at once',
  async () => {
    const silent = { address: await silentAddress(), port: 80 };
    const listener = await listenerTo([silent], { connectTimeoutMs: 60_000 });
    const forwarder = openForwarder();
    await forwarder.setListeners([listener], { resetRemoved: false });
    const client = connectTo(listener);
    await until(
      () => countersOf(forwarder, listener).open,
      (open) => open === 1,
    );
    client.socket.resetAndDestroy();
    await until(
      () => countersOf(forwarder, listener).open,
      (open) => open === 0,
    );
  },
);

test('new backends are for new connections; the others go on', async () => {
  const before = await startBackend((socket) => {
    socket.on('data', (chunk) => socket.write(`old ${chunk.toString()}`));
    socket.on('end', () => socket.end());
  });
  const after = await startBackend(say('new'));
  const listener = await listenerTo([before]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  const early = connectTo(listener);
  await until(
    () => countersOf(forwarder, listener).backends[0]?.open,
    (open) => open === 1,
  );

  const changed = { ...listener, backends: backendsAt([after]) };
  expect(await forwarder.setListeners([changed], { resetRemoved: true })).toEqual([]);
  expect(await ask(listener)).toBe('new');
  early.socket.end('still here');
  expect((await early.received).toString()).toBe('old still here');
  expect(countersOf(forwarder, listener)).toMatchObject({ total: 2, backends: [{ total: 1 }] });
});

test('a backend that stays keeps its counters when another joins it', async () => {
  const stays = await startBackend(say('stays'));
  const joins = await startBackend(say('joins'));
  const listener = await listenerTo([stays]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  await askTimes(listener, 3);
  const backends = backendsAt([stays, joins]);
  await forwarder.setListeners([{ ...listener, backends }], { resetRemoved: false });
  await askTimes(listener, 2);
  expect(countersOf(forwarder, listener).backends).toMatchObject([{ total: 4 }, { total: 1 }]);
});

/** An address on a network of its own where nobody answers ARP. */
async function silentAddress() {
  await bindTestAddress('198.51.100.1', { prefixLength: 24, bridge: 'silent0' });
  return address('198.51.100.2');
}
