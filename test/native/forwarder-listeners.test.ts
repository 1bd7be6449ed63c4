import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Forwarder } from '../../src/dataplane/forwarder.ts';
import { needsNamespaces } from '../lab/namespaces.ts';
import {
  ANY,
  address,
  ask,
  bindTestAddress,
  connectTo,
  countersOf,
  echo,
  endOf,
  LOOPBACK,
  listenerTo,
  listens,
  openForwarder,
  randomPayload,
  say,
  startBackend,
  until,
} from './forwarder-rig.ts';

test('setListeners() settles when what it names listens, and what it does not has ceased to', async () => {
  const backend = await startBackend(say('hello'));
  const first = await listenerTo([backend]);
  const second = await listenerTo([backend]);
  const forwarder = openForwarder(2);
  await forwarder.setListeners([first], { resetRemoved: false });
  expect([listens(first.port), listens(second.port)]).toEqual([true, false]);
  expect(forwarder.listeners).toEqual([first]);
  await forwarder.setListeners([second], { resetRemoved: false });
  expect([listens(first.port), listens(second.port)]).toEqual([false, true]);
  expect(forwarder.listeners).toEqual([second]);
  await forwarder.setListeners([], { resetRemoved: true });
  expect(listens(second.port)).toBe(false);
  expect(forwarder.counters()).toEqual([]);
});

test('calls that follow each other at once take effect in their order', async () => {
  const backend = await startBackend(say('hello'));
  const listener = await listenerTo([backend]);
  const forwarder = openForwarder(2);
  const calls = Array.from({ length: 40 }, (_, index) =>
    forwarder.setListeners(index % 2 === 0 ? [listener] : [], { resetRemoved: true }),
  );
  await Promise.all(calls);
  expect(listens(listener.port)).toBe(false);
  expect(forwarder.listeners).toEqual([]);
});

test('a port that another process listens on is refused by name, and opened when it is free', async () => {
  const backend = await startBackend(say('hello'));
  const other = await startBackend(say('other'));
  const taken = await listenerTo([backend], { port: other.port });
  const free = await listenerTo([backend]);
  const forwarder = openForwarder(2);
  const refused = await forwarder.setListeners([taken, free], { resetRemoved: false });
  expect(refused).toMatchObject([
    {
      id: taken.id,
      error: {
        message: `Cannot listen on "127.0.0.1:${other.port}": bind failed with EADDRINUSE`,
        code: 'EADDRINUSE',
        syscall: 'bind',
      },
    },
  ]);
  expect(forwarder.listeners).toEqual([free]);
  expect(await ask(free)).toBe('hello');

  await other.close();
  expect(await forwarder.setListeners([taken, free], { resetRemoved: false })).toEqual([]);
  expect(await ask(taken)).toBe('hello');
});

test('two forwarders do not share a port without a word', async () => {
  const backend = await startBackend(say('hello'));
  const listener = await listenerTo([backend]);
  const [one, two] = [openForwarder(2), openForwarder(2)];
  expect(await one.setListeners([listener], { resetRemoved: false })).toEqual([]);
  const refused = await two.setListeners([listener], { resetRemoved: false });
  expect(refused.map(({ error }) => error.code)).toEqual(['EADDRINUSE']);
});

test('an address that is not bound yet can be listened on', async () => {
  const backend = await startBackend(say('hello'));
  const vips = [
    await listenerTo([backend], { address: address('192.0.2.10') }),
    await listenerTo([backend], { address: address('2001:db8::10') }),
  ];
  const forwarder = openForwarder();
  expect(await forwarder.setListeners(vips, { resetRemoved: false })).toEqual([]);
});

test('a listener that changes its address or its id takes its own place', async () => {
  const backend = await startBackend(say('hello'));
  const listener = await listenerTo([backend]);
  const forwarder = openForwarder(2);
  await forwarder.setListeners([listener], { resetRemoved: false });
  const everywhere = { ...listener, address: ANY };
  expect(await forwarder.setListeners([everywhere], { resetRemoved: false })).toEqual([]);
  const renamed = { ...everywhere, id: 'renamed' };
  expect(await forwarder.setListeners([renamed], { resetRemoved: false })).toEqual([]);
  expect(await ask(renamed, '', '::1')).toBe('hello');
});

test('a listener that is removed resets both sides at once when asked to', async () => {
  const ends: string[] = [];
  const backend = await startBackend((socket) => {
    socket.resume();
    socket.on('end', () => ends.push('end'));
    socket.on('error', (err: NodeJS.ErrnoException) => ends.push(err.code ?? err.message));
  });
  const listener = await listenerTo([backend]);
  const forwarder = openForwarder(2);
  await forwarder.setListeners([listener], { resetRemoved: false });
  const clients = Array.from({ length: 10 }, () => connectTo(listener));
  await until(
    () => backend.sockets.length,
    (count) => count === 10,
  );
  await forwarder.setListeners([], { resetRemoved: true });
  expect(await Promise.all(clients.map(endOf))).toEqual(clients.map(() => 'ECONNRESET'));
  await until(
    () => ends.length,
    (count) => count === 10,
  );
  expect(new Set(ends)).toEqual(new Set(['ECONNRESET']));
});

test('a listener that is removed drains, and resets what is left after drainMs', async () => {
  const backend = await startBackend(echo);
  const listener = await listenerTo([backend], { drainMs: 1000 });
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  const finishes = connectTo(listener);
  const stays = connectTo(listener);
  await until(
    () => backend.sockets.length,
    (count) => count === 2,
  );

  const begin = performance.now();
  await forwarder.setListeners([], { resetRemoved: false });
  expect(listens(listener.port)).toBe(false);
  finishes.socket.end('goes on');
  expect((await finishes.received).toString()).toBe('goes on');
  expect(await endOf(stays)).toBe('ECONNRESET');
  expect(performance.now() - begin).toBeGreaterThanOrEqual(990);
  expect(performance.now() - begin).toBeLessThan(1500);
});

test('what drains is reset by a later call that resets', async () => {
  const backend = await startBackend(echo);
  const listener = await listenerTo([backend], { drainMs: 60_000 });
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  const client = connectTo(listener);
  await until(
    () => backend.sockets.length,
    (count) => count === 1,
  );
  await forwarder.setListeners([], { resetRemoved: false });
  await forwarder.setListeners([], { resetRemoved: true });
  expect(await endOf(client)).toBe('ECONNRESET');
});

needsNamespaces(
  'resetConnections() resets what came in on an address, of any listener',
  async () => {
    const vips = [address('192.0.2.77'), address('2001:db8::77')] as const;
    await bindTestAddress(vips[0], { prefixLength: 32 });
    await bindTestAddress(vips[1], { prefixLength: 128 });
    const backend = await startBackend(echo);
    const everywhere = await listenerTo([backend], { address: ANY });
    const onVip = await listenerTo([backend], { address: vips[0] });
    const forwarder = openForwarder(2);
    expect(await forwarder.setListeners([everywhere, onVip], { resetRemoved: false })).toEqual([]);
    const onAddress = [
      connectTo(everywhere, vips[0]),
      connectTo(everywhere, vips[1]),
      connectTo(onVip, vips[0]),
    ];
    const others = [connectTo(everywhere), connectTo(everywhere, '::1')];
    await until(
      () => backend.sockets.length,
      (count) => count === 5,
    );
    await forwarder.resetConnections(vips.map((vip) => ({ address: vip })));
    expect(await Promise.all(onAddress.map(endOf))).toEqual(onAddress.map(() => 'ECONNRESET'));
    for (const { socket, received } of others) {
      socket.end('untouched');
      expect((await received).toString()).toBe('untouched');
    }
    expect(forwarder.listeners).toEqual([everywhere, onVip]);
  },
);

test('beyond maxConnections clients wait in the queue, and are taken when others leave', async () => {
  const backend = await startBackend((socket) => void socket.write('hello'));
  const listener = await listenerTo([backend], { maxConnections: 3 });
  const forwarder = openForwarder(2);
  await forwarder.setListeners([listener], { resetRemoved: false });
  const clients = Array.from({ length: 8 }, () => connectTo(listener));
  const greeted = (): number =>
    clients.filter(({ socket }) => socket.bytesRead > 0 && !socket.destroyed).length;
  await until(greeted, (count) => count === 3);
  await sleep(100);
  expect(greeted()).toBe(3);
  expect(countersOf(forwarder, listener)).toMatchObject({ open: 3, total: 3 });

  for (let left = 8; left > 0; left -= 1) {
    await until(greeted, (count) => count === Math.min(left, 3));
    clients
      .find(({ socket }) => socket.bytesRead > 0 && !socket.destroyed)
      ?.socket.resetAndDestroy();
  }
  const counted = await until(
    () => countersOf(forwarder, listener),
    ({ open }) => open === 0,
  );
  expect(counted.total).toBe(8);
});

test('what is idle for idleTimeoutMs is reset, what is not is not', async () => {
  const backend = await startBackend(echo);
  const listener = await listenerTo([backend], { idleTimeoutMs: 1500 });
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  const idle = connectTo(listener);
  const busy = connectTo(listener);
  const talk = setInterval(() => busy.socket.write('x'), 200);
  const begin = performance.now();
  expect(await endOf(idle)).toBe('ECONNRESET');
  expect(performance.now() - begin).toBeGreaterThanOrEqual(1490);
  expect(performance.now() - begin).toBeLessThan(2800);
  clearInterval(talk);
  busy.socket.end();
  expect((await busy.received).length).toBeGreaterThan(5);
});

test('close() in full traffic resets every connection and frees the port', async () => {
  const payload = randomPayload(4 * 1024 * 1024).bytes;
  const backend = await startBackend(echo);
  const listener = await listenerTo([backend]);
  const forwarder = new Forwarder({ threads: 2 });
  await forwarder.setListeners([listener], { resetRemoved: false });
  const clients = Array.from({ length: 20 }, () => {
    const client = connectTo(listener);
    const more = (err?: Error | null): void => {
      if (err === undefined || err === null) client.socket.write(payload, more);
    };
    more();
    return client;
  });
  await until(
    () => countersOf(forwarder, listener).bytesOut,
    (bytes) => bytes > payload.length,
  );
  // Whichever comes first, the promise is settled.
  const late = forwarder.setListeners([], { resetRemoved: false }).then(
    () => 'done',
    (err: NodeJS.ErrnoException) => err.code,
  );
  forwarder.close();
  forwarder.close();
  expect(listens(listener.port)).toBe(false);
  const ends = await Promise.all(clients.map(endOf));
  expect(ends.filter((end) => end !== 'ECONNRESET' && end !== 'EPIPE')).toEqual([]);
  await expect(forwarder.setListeners([], { resetRemoved: false })).rejects.toMatchObject({
    code: 'ECANCELED',
  });
  expect(['done', 'ECANCELED']).toContain(await late);
});

test('nonsense is refused before anything is touched', async () => {
  const backend = await startBackend(say('hello'));
  const listener = await listenerTo([backend]);
  const forwarder = openForwarder();
  const refused = [
    [listener, listener],
    [{ ...listener, port: 0 }],
    [{ ...listener, maxConnections: 0 }],
    [{ ...listener, backends: [{ address: LOOPBACK, port: 70_000, weight: 1 }] }],
    [{ ...listener, backends: [{ address: LOOPBACK, port: 80, weight: 257 }] }],
  ];
  for (const wanted of refused) {
    await expect(forwarder.setListeners(wanted, { resetRemoved: false })).rejects.toThrow(
      TypeError,
    );
  }
  expect(listens(listener.port)).toBe(false);
  expect(() => new Forwarder({ threads: 0 })).toThrow(TypeError);
});
