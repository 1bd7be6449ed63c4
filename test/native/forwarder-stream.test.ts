import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  ANY,
  ask,
  connectTo,
  countersOf,
  echo,
  endOf,
  hashOf,
  LOOPBACK_IPV6,
  listenerTo,
  openForwarder,
  randomPayload,
  startBackend,
  until,
} from './forwarder-rig.ts';

const MIB = 1024 * 1024;

test('64 MiB go to the backend and back unchanged, nearly all of it without a copy', async () => {
  const backend = await startBackend(echo);
  const listener = await listenerTo([backend]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });

  const payload = randomPayload(64 * MIB);
  const client = connectTo(listener);
  client.socket.end(payload.bytes);
  expect(hashOf(await client.received)).toBe(payload.hash);

  const counted = await until(
    () => countersOf(forwarder, listener),
    ({ open }) => open === 0,
  );
  expect(counted).toMatchObject({ total: 1, failed: 0, bytesIn: 64 * MIB, bytesOut: 64 * MIB });
  expect(counted.bytesSpliced).toBeGreaterThan(120 * MIB);
});

test('small messages are copied, and each arrives by itself', async () => {
  const backend = await startBackend(echo);
  const listener = await listenerTo([backend]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });

  const { socket } = connectTo(listener);
  for (let count = 0; count < 200; count++) {
    const echoed = new Promise<Buffer>((resolve) => socket.once('data', resolve));
    socket.write(`message ${count}`);
    expect((await echoed).toString()).toBe(`message ${count}`);
  }
  expect(countersOf(forwarder, listener).bytesSpliced).toBe(0);
});

test('a direction that was bulk goes back to copying when its messages are small again', async () => {
  const backend = await startBackend((socket) => socket.resume());
  const listener = await listenerTo([backend]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });

  const { socket } = connectTo(listener);
  let sent = 8 * MIB;
  socket.write(randomPayload(sent).bytes);
  await until(
    () => countersOf(forwarder, listener).bytesIn,
    (bytes) => bytes === sent,
  );
  const afterBulk = countersOf(forwarder, listener).bytesSpliced;
  expect(afterBulk).toBeGreaterThan(6 * MIB);
  for (let count = 0; count < 10; count++) {
    socket.write('small');
    sent += 5;
    await until(
      () => countersOf(forwarder, listener).bytesIn,
      (bytes) => bytes === sent,
    );
  }
  expect(countersOf(forwarder, listener).bytesSpliced).toBeLessThan(afterBulk + 10 * 5);
});

test('a client that has ended still receives', async () => {
  const backend = await startBackend((socket) => {
    socket.resume();
    socket.on('end', () => setTimeout(() => socket.end('answer after the end'), 100));
  });
  const listener = await listenerTo([backend]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  expect(await ask(listener, 'question')).toBe('answer after the end');
});

test('a backend that has ended still receives', async () => {
  const backend = await startBackend((socket) => void socket.end('greeting'));
  const listener = await listenerTo([backend]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });

  const client = connectTo(listener);
  expect((await client.received).toString()).toBe('greeting');
  const [server] = await until(
    () => backend.sockets,
    (sockets) => sockets.length === 1,
  );
  const heard: Buffer[] = [];
  const ended = new Promise((resolve) => server?.on('end', resolve));
  server?.on('data', (chunk) => heard.push(chunk));
  client.socket.write('still ');
  await sleep(50);
  client.socket.end('here');
  await ended;
  expect(Buffer.concat(heard).toString()).toBe('still here');
});

test('a FIN that comes in one segment with the last bytes is not lost', async () => {
  // Whether they share a segment is the kernel's choice, so it is tried many times.
  const backend = await startBackend(echo);
  const listener = await listenerTo([backend]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  for (let count = 0; count < 200; count++) {
    expect(await ask(listener, `bytes ${count}`)).toBe(`bytes ${count}`);
  }
});

test('a reset by the client is a reset for the backend', async () => {
  const ends: string[] = [];
  const backend = await startBackend((socket) => {
    socket.resume();
    socket.on('end', () => ends.push('end'));
    socket.on('error', (err: NodeJS.ErrnoException) => ends.push(err.code ?? err.message));
  });
  const listener = await listenerTo([backend]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });

  const client = connectTo(listener);
  client.socket.write('hello');
  // Read, not only delivered: libuv takes data and a reset that it finds together for data and an
  // end.
  await until(
    () => backend.sockets[0]?.bytesRead,
    (bytes) => bytes === 5,
  );
  client.socket.resetAndDestroy();
  await until(
    () => ends,
    ({ length }) => length > 0,
  );
  expect(ends).toEqual(['ECONNRESET']);
  expect(countersOf(forwarder, listener)).toMatchObject({ open: 0, failed: 0 });
});

test('a reset by the backend is a reset for the client, after what the backend had sent', async () => {
  const backend = await startBackend((socket) => {
    socket.write('last words', () => setTimeout(() => socket.resetAndDestroy(), 50));
  });
  const listener = await listenerTo([backend]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });

  const client = connectTo(listener);
  const heard: string[] = [];
  client.socket.on('data', (chunk) => heard.push(chunk.toString()));
  expect(await endOf(client)).toBe('ECONNRESET');
  expect(heard.join('')).toBe('last words');
});

test('a reset after a half-close reaches the other side as a reset', async () => {
  const ends: string[] = [];
  const backend = await startBackend((socket) => {
    socket.resume();
    socket.on('end', () => ends.push('end'));
    socket.on('error', (err: NodeJS.ErrnoException) => ends.push(err.code ?? err.message));
    // Something under way to the client, so that Node notices the reset of a side that has ended.
    setInterval(() => socket.write('x'), 20).unref();
  });
  const listener = await listenerTo([backend]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });

  const client = connectTo(listener);
  client.socket.end('hello');
  await until(
    () => ends,
    ({ length }) => length === 1,
  );
  client.socket.resetAndDestroy();
  await until(
    () => countersOf(forwarder, listener).open,
    (open) => open === 0,
  );
  await until(
    () => ends,
    ({ length }) => length === 2,
  );
  expect(ends[0]).toBe('end');
  expect(['EPIPE', 'ECONNRESET']).toContain(ends[1]);
});

test('a reader that does not read stops the writer, and all arrives when it reads again', async () => {
  const size = 96 * MIB;
  const payload = randomPayload(size);
  let written = 0;
  const backend = await startBackend((socket) => {
    // Counts what the kernel has taken: Node calls back for a chunk when it is written.
    const chunk = 256 * 1024;
    const next = (at: number): void => {
      if (at >= size) return void socket.end();
      socket.write(payload.bytes.subarray(at, at + chunk), () => {
        written = at + chunk;
        next(at + chunk);
      });
    };
    next(0);
  });
  const listener = await listenerTo([backend]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });

  const client = connectTo(listener);
  client.socket.pause();
  await untilItRests(() => written);
  // What is under way lies in the buffers of four sockets and one pipe: tcp_rmem and tcp_wmem bound
  // it.
  expect(written).toBeLessThan(size);
  const { bytesOut } = countersOf(forwarder, listener);
  await sleep(200);
  expect(countersOf(forwarder, listener).bytesOut).toBe(bytesOut);

  client.socket.resume();
  expect(hashOf(await client.received)).toBe(payload.hash);
});

test('a slow reader holds up no other connection of its thread', async () => {
  const bulk = randomPayload(32 * MIB).bytes;
  const backend = await startBackend((socket) => {
    socket.once('data', (asked) => socket.end(asked.toString() === 'bulk' ? bulk : asked));
  });
  const listener = await listenerTo([backend]);
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  const slow = Array.from({ length: 20 }, () => {
    const client = connectTo(listener);
    client.socket.pause();
    client.socket.write('bulk');
    return client;
  });
  await sleep(200);
  expect(await ask(listener, 'quick')).toBe('quick');
  expect(slow).toHaveLength(20);
});

test('IPv6 clients and backends are joined, and :: takes both families', async () => {
  const backend = await startBackend(echo, LOOPBACK_IPV6);
  const listener = await listenerTo([backend], { address: ANY });
  const forwarder = openForwarder();
  expect(await forwarder.setListeners([listener], { resetRemoved: false })).toEqual([]);
  expect(await ask(listener, 'over six', '::1')).toBe('over six');
  expect(await ask(listener, 'over four', '127.0.0.1')).toBe('over four');

  const onlySix = await listenerTo([backend], { address: LOOPBACK_IPV6 });
  await forwarder.setListeners([onlySix], { resetRemoved: true });
  expect(await ask(onlySix, 'six', '::1')).toBe('six');
  await expect(ask(onlySix, 'four', '127.0.0.1')).rejects.toThrow('ECONNREFUSED');
});

/** Waits until a count that has begun to grow no longer does. */
async function untilItRests(read: () => number): Promise<void> {
  let seen = 0;
  for (let now = read(); now === 0 || now !== seen; now = read()) {
    seen = now;
    await sleep(300);
  }
}
