import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  ANY,
  connectTo,
  countersOf,
  hashOf,
  LOOPBACK,
  LOOPBACK_IPV6,
  listenerTo,
  openForwarder,
  randomPayload,
  startBackend,
  until,
} from './forwarder-rig.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a'; // proxy-protocol.txt §2.2

/** Two bytes, in network order. */
function portBytes(port: number | undefined): string {
  return (port ?? 0).toString(16).padStart(4, '0');
}

/** A backend that answers with all that it got, in hexadecimal, when the client has ended. */
function spell(socket: Socket): void {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('end', () => socket.end(Buffer.concat(chunks).toString('hex')));
}

/** What a backend hears of a client that connects so, says `hi` and ends. */
async function spelled(options: {
  readonly listen: typeof LOOPBACK;
  readonly host: string;
  readonly localAddress?: string;
}): Promise<{ readonly heard: string; readonly from: string; readonly to: string }> {
  const backend = await startBackend(spell);
  const listener = await listenerTo([backend], { address: options.listen, proxyProtocol: 'v2' });
  await openForwarder().setListeners([listener], { resetRemoved: false });
  const client = connectTo(listener, options.host, options);
  await once(client.socket, 'connect');
  const from = portBytes(client.socket.localPort);
  client.socket.end('hi');
  return { heard: (await client.received).toString(), from, to: portBytes(listener.port) };
}

test('a backend hears the addresses of an IPv4 connection, then every byte of the client', async () => {
  const { heard, from, to } = await spelled({
    listen: LOOPBACK,
    host: LOOPBACK,
    localAddress: '127.0.0.7',
  });
  expect(heard).toBe(`${SIGNATURE}2111000c7f0000077f000001${from}${to}6869`);
});

test('a backend hears the addresses of an IPv6 connection', async () => {
  const { heard, from, to } = await spelled({ listen: LOOPBACK_IPV6, host: LOOPBACK_IPV6 });
  const loopback = `${'0'.repeat(31)}1`;
  expect(heard).toBe(`${SIGNATURE}21210024${loopback}${loopback}${from}${to}6869`);
});

test('a client that came over IPv4 to a listener of both families has an IPv4 address', async () => {
  const { heard, from, to } = await spelled({ listen: ANY, host: LOOPBACK });
  expect(heard).toBe(`${SIGNATURE}2111000c7f0000017f000001${from}${to}6869`);
});

test('a backend hears the header although the client says nothing, or ends at once', async () => {
  const backend = await startBackend(spell);
  const listener = await listenerTo([backend], { proxyProtocol: 'v2' });
  await openForwarder().setListeners([listener], { resetRemoved: false });
  const client = connectTo(listener);
  await until(
    () => backend.sockets[0]?.bytesRead,
    (bytes) => bytes === 28,
  );
  client.socket.end();
  expect((await client.received).toString()).toHaveLength(2 * 28);
});

test('a slow backend gets header and bytes whole and in order, and the header is not counted', async () => {
  const payload = randomPayload(8 * 1024 * 1024);
  let hash = '';
  const backend = await startBackend((socket) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      socket.pause();
      void sleep(1).then(() => socket.resume());
    });
    socket.on('end', () => {
      hash = hashOf(Buffer.concat(chunks).subarray(28));
      socket.end();
    });
  });
  const listener = await listenerTo([backend], { proxyProtocol: 'v2' });
  const forwarder = openForwarder();
  await forwarder.setListeners([listener], { resetRemoved: false });
  const client = connectTo(listener);
  client.socket.end(payload.bytes);
  await client.received;
  expect(hash).toBe(payload.hash);
  expect(countersOf(forwarder, listener).bytesIn).toBe(payload.bytes.length);
});
