import { createSocket } from 'node:dgram';
import { afterEach, expect, test } from 'vitest';
import type { IpAddress } from '../../src/core/address/ip.ts';
import { listFingerprint } from '../../src/core/election/raft/fingerprint.ts';
import type { Message, Resignation } from '../../src/core/election/raft/message.ts';
import { type Keyring, UNAUTHENTICATED } from '../../src/raft/keys.ts';
import { Transport, type TransportOptions } from '../../src/raft/transport.ts';
import { freePort, LOOPBACK, literal, Wire } from './wire.ts';

const KEY: Keyring = [{ id: 1, secret: Buffer.alloc(32, 1) }];
const NEW_KEY: Keyring = [{ id: 2, secret: Buffer.alloc(32, 2) }];
const LIVE_MS = 40;
const opened: { close(): void }[] = [];

afterEach(() => {
  for (const item of opened.splice(0)) item.close();
});

interface Node {
  readonly transport: Transport;
  readonly heard: { from: string; instance: bigint; message: Message }[];
  readonly renewed: string[];
  readonly twins: bigint[];
  readonly log: string[];
  dropped(): Record<string, number>;
}

let starts = 0n;

/** A transport with everything that it calls back written down. */
function start(
  options: Partial<TransportOptions> & Pick<TransportOptions, 'self' | 'peers'>,
): Node {
  const heard: Node['heard'] = [];
  const renewed: string[] = [];
  const twins: bigint[] = [];
  const log: string[] = [];
  starts += 1_000_000n;
  const transport = new Transport({
    clusterId: 'fairlead',
    instance: starts,
    keys: KEY,
    liveMs: LIVE_MS,
    now: () => performance.now(),
    log: {
      info: (fields, message) => log.push(`${message} ${JSON.stringify(fields)}`),
      warn: (fields, message) => log.push(`${message} ${JSON.stringify(fields)}`),
    },
    received: ({ id, instance }, message) => heard.push({ from: id, instance, message }),
    renewed: (peer) => renewed.push(peer),
    twinHeard: (instance) => twins.push(instance),
    ...options,
  });
  transport.open();
  const dropped = () => Object.fromEntries(transport.counters().dropped);
  const node = { transport, heard, renewed, twins, log, dropped };
  opened.push(transport);
  return node;
}

interface Pair {
  readonly wire: Wire;
  readonly a: Node;
  readonly b: Node;
  readonly startA: (options?: Partial<TransportOptions>) => Node;
  readonly startB: (options?: Partial<TransportOptions>) => Node;
}

/** Two peers on a wire that have met. */
async function pair(
  options: Partial<TransportOptions> = {},
  address: IpAddress = LOOPBACK,
): Promise<Pair> {
  const ports = { a: await freePort(address), b: await freePort(address) };
  const wire = await Wire.open(ports, address);
  opened.push(wire);
  const startA = (more: Partial<TransportOptions> = {}) =>
    start({
      self: { id: 'a', address, port: ports.a },
      peers: [{ id: 'b', address, port: wire.portOfB }],
      ...options,
      ...more,
    });
  const startB = (more: Partial<TransportOptions> = {}) =>
    start({
      self: { id: 'b', address, port: ports.b },
      peers: [{ id: 'a', address, port: wire.portOfA }],
      ...options,
      ...more,
    });
  const both = { wire, a: startA(), b: startB(), startA, startB };
  await meet(both.a, both.b);
  return both;
}

const LIST = listFingerprint('fairlead', ['a', 'b']);

function heartbeat(sequence: number): Message {
  return { kind: 'heartbeat', list: LIST, term: 3, sequence, holdMs: 300, rank: 0 };
}

function sequences(node: Node): number[] {
  return node.heard.flatMap(({ message }) => ('sequence' in message ? [message.sequence] : []));
}

/** Lets both speak until each is heard by the other. */
async function meet(a: Node, b: Node): Promise<void> {
  await expect
    .poll(
      () => {
        a.transport.send('b', heartbeat(0));
        b.transport.send('a', heartbeat(0));
        return sequences(a).includes(0) && sequences(b).includes(0);
      },
      { interval: 5 },
    )
    .toBe(true);
  await settle();
  a.heard.length = 0;
  b.heard.length = 0;
}

/** Long enough for what is under way to arrive and be answered, on a machine with much to do. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}

test('a message arrives whole, from the process that sent it', async () => {
  const { a, b } = await pair();
  a.transport.send('b', heartbeat(7));
  await expect
    .poll(() => b.heard, { interval: 2 })
    .toEqual([{ from: 'a', instance: expect.any(BigInt), message: heartbeat(7) }]);
  expect(b.transport.report()).toEqual([
    expect.objectContaining({ id: 'a', lastSeenMs: expect.any(Number), problem: null }),
  ]);
});

test('the first words to a peer that has restarted are heard, though neither spoke before', async () => {
  const { a, b, startB } = await pair();
  b.transport.close();
  await new Promise((resolve) => setTimeout(resolve, 2 * LIVE_MS));
  a.renewed.length = 0;
  const again = startB();
  // They have greeted each other when both sessions are of the new process.
  await expect
    .poll(() => [a.renewed.length, again.renewed.length], { interval: 2 })
    .toEqual([1, 1]);
  a.transport.send('b', heartbeat(8));
  await expect.poll(() => sequences(again), { interval: 2 }).toEqual([8]);
});

test('IPv6 peers reach each other', async () => {
  const { a, b } = await pair({}, literal('::1'));
  a.transport.send('b', heartbeat(7));
  await expect.poll(() => sequences(b), { interval: 2 }).toEqual([7]);
});

test('peers with addresses of two families are refused', () => {
  const peers = [{ id: 'b', address: literal('::1'), port: 1 }];
  expect(() => start({ self: { id: 'a', address: LOOPBACK, port: 1 }, peers })).toThrow(
    'Cannot reach peer "b" at ::1 from 127.0.0.1: IPv4 and IPv6',
  );
});

test('what comes twice is taken once', async () => {
  const { wire, a, b } = await pair();
  wire.bend = ({ datagram }) => [datagram, datagram, datagram];
  for (let sequence = 1; sequence <= 50; sequence += 1) a.transport.send('b', heartbeat(sequence));
  await expect.poll(() => sequences(b).length, { interval: 2 }).toBe(50);
  await settle();
  expect(sequences(b)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  expect(b.dropped()['replayed']).toBe(100);
});

test('a recording is worthless once either side has restarted', async () => {
  const { wire, a, b, startB } = await pair();
  a.transport.send('b', heartbeat(7));
  await expect.poll(() => sequences(b), { interval: 2 }).toEqual([7]);
  const recording = wire.carried.filter(({ to }) => to === 'b');

  b.transport.close();
  const reborn = startB();
  for (const carried of recording) wire.inject(carried);
  await settle();
  await meet(a, reborn);
  for (const carried of recording) wire.inject(carried);
  await settle();
  expect(reborn.heard).toEqual([]);
  expect(reborn.twins).toEqual([]);
});

test('own datagrams that are sent back mean nothing', async () => {
  const { wire, a } = await pair();
  const toB = wire.carried.filter(({ to }) => to === 'b');
  for (const { datagram } of toB) wire.inject({ to: 'a', datagram });
  await settle();
  expect(a.heard).toEqual([]);
  expect(a.twins).toEqual([]);
  expect(a.dropped()['own']).toBe(toB.length);
});

test('a recording of its own former life does not make a node believe in a twin', async () => {
  const { wire, a, b, startA } = await pair();
  a.transport.send('b', heartbeat(7));
  await expect.poll(() => sequences(b), { interval: 2 }).toEqual([7]);
  const recording = wire.carried.filter(({ to }) => to === 'b');
  a.transport.close();
  const reborn = startA();
  await meet(reborn, b);
  for (const { datagram } of recording) wire.inject({ to: 'a', datagram });
  await settle();
  expect(reborn.twins).toEqual([]);
  expect(reborn.heard).toEqual([]);
});

test('no bit of a datagram can be turned, and no byte cut off or added', async () => {
  const { wire, a, b } = await pair();
  wire.bend = () => [];
  wire.carried.length = 0;
  a.transport.send('b', heartbeat(7));
  await expect.poll(() => wire.carried.length, { interval: 2 }).toBe(1);
  const whole = wire.carried[0]?.datagram ?? Buffer.alloc(0);
  for (let bit = 0; bit < whole.length * 8; bit += 1) {
    const turned = Buffer.from(whole);
    turned.writeUInt8(turned.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    wire.inject({ to: 'b', datagram: turned });
    if (bit % 64 === 0) await settle();
  }
  for (let length = 0; length < whole.length; length += 1) {
    wire.inject({ to: 'b', datagram: whole.subarray(0, length) });
    if (length % 64 === 0) await settle();
  }
  wire.inject({ to: 'b', datagram: Buffer.concat([whole, Buffer.alloc(1)]) });
  wire.inject({ to: 'b', datagram: Buffer.alloc(60_000, 0x46) });
  await settle();
  expect(b.heard).toEqual([]);
  const dropped = Object.values(b.dropped()).reduce((sum, count) => sum + count, 0);
  expect(dropped).toBeGreaterThanOrEqual(whole.length * 9 + 2);
  // Told a few times, not a thousand.
  expect(b.log.length).toBeLessThan(15);

  wire.inject({ to: 'b', datagram: whole });
  await expect.poll(() => sequences(b), { interval: 2 }).toEqual([7]);
});

test('garbage of any length is counted, and nothing else', async () => {
  const { wire, a, b } = await pair();
  for (let length = 0; length < 300; length += 1) {
    wire.inject({ to: 'b', datagram: Buffer.alloc(length, length) });
    if (length % 64 === 0) await settle();
  }
  await settle();
  expect(b.dropped()['too-short']).toBeGreaterThan(90);
  expect(b.dropped()['too-long']).toBeGreaterThan(100);
  a.transport.send('b', heartbeat(7));
  await expect.poll(() => sequences(b), { interval: 2 }).toEqual([7]);
});

test.each([
  [
    'another key under the same id',
    { keys: [{ id: 1, secret: Buffer.alloc(32, 9) }] as const },
    'bad-code',
    /another key under the same id/,
  ],
  [
    'a key under another id',
    { keys: NEW_KEY },
    'unknown-key',
    /a key that this node does not have/,
  ],
  ['no key', { keys: UNAUTHENTICATED }, 'unknown-key', /a key that this node does not have/],
  ['another cluster', { clusterId: 'other' }, 'other-cluster', /clusterId is another than ours/],
] as const)(
  'a peer with %s is not heard, and status says why',
  async (_, options, reason, problem) => {
    const { wire, a, b, startA } = await pair();
    a.transport.close();
    const changed = startA(options);
    changed.transport.send('b', heartbeat(7));
    await expect.poll(() => b.dropped()[reason] ?? 0, { interval: 2 }).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, LIVE_MS));
    changed.transport.send('b', heartbeat(8));
    await settle();
    expect(b.heard).toEqual([]);
    expect(b.transport.report()[0]?.problem).toMatch(problem);
    expect(b.log.join('\n')).toContain(`"reason":"${reason}"`);
    wire.close();
    opened.splice(opened.indexOf(wire), 1);
  },
);

test('without keys peers hear each other all the same, of one cluster', async () => {
  const { a, b } = await pair({ keys: UNAUTHENTICATED });
  a.transport.send('b', heartbeat(7));
  await expect.poll(() => sequences(b), { interval: 2 }).toEqual([7]);
});

test('a key is changed without the loss of a message', async () => {
  const { a, b } = await pair();
  let sent = 0;
  const beat = async () => {
    for (let count = 0; count < 10; count += 1) {
      sent += 1;
      a.transport.send('b', heartbeat(sent));
      b.transport.send('a', heartbeat(sent));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const [first] = KEY;
  const [second] = NEW_KEY;
  for (const keys of [[first, second], [second, first], [second]] as const) {
    for (const node of [a, b]) {
      await beat();
      node.transport.setKeys(keys);
    }
  }
  await beat();
  await settle();
  const all = Array.from({ length: sent }, (_, index) => index + 1);
  expect(sequences(a)).toEqual(all);
  expect(sequences(b)).toEqual(all);
  expect(a.dropped()).not.toHaveProperty('unknown-key');
});

const RESIGNATION: Resignation = {
  kind: 'resignation',
  list: LIST,
  term: 3,
  target: undefined,
  promise: undefined,
};

test('a sealed resignation can be sent by anybody, later, and more than once', async () => {
  const { wire, a, b } = await pair();
  const sealed = a.transport.sealResignation('b', RESIGNATION);
  if (sealed === undefined) throw new Error('a has not met b');
  for (let sequence = 1; sequence <= 100; sequence += 1) a.transport.send('b', heartbeat(sequence));
  await expect.poll(() => sequences(b).length, { interval: 2 }).toBe(100);
  a.transport.close();

  const guard = createSocket('udp4');
  opened.push({ close: () => guard.close() });
  expect(sealed).toMatchObject({ address: '127.0.0.1', port: wire.portOfB });
  guard.send(sealed.payload, sealed.port, sealed.address);
  guard.send(sealed.payload, sealed.port, sealed.address);
  await expect
    .poll(() => b.heard.slice(100).map(({ message }) => message), { interval: 2 })
    .toEqual([RESIGNATION, RESIGNATION]);
});

test('a sealed resignation is void for a peer that has restarted, and is to be sealed again', async () => {
  const { wire, a, b, startB } = await pair();
  const sealed = a.transport.sealResignation('b', RESIGNATION);
  if (sealed === undefined) throw new Error('a has not met b');
  b.transport.close();
  a.renewed.length = 0;
  const reborn = startB();
  await meet(a, reborn);
  expect(a.renewed).toEqual(['b']);
  wire.inject({ to: 'b', datagram: Buffer.from(sealed.payload) });
  await settle();
  expect(reborn.heard).toEqual([]);
  const again = a.transport.sealResignation('b', RESIGNATION);
  wire.inject({ to: 'b', datagram: Buffer.from(again?.payload ?? '') });
  await expect.poll(() => reborn.heard.length, { interval: 2 }).toBe(1);
});

test('sealResignation() has nothing for a peer that was never heard', async () => {
  const alone = start({
    self: { id: 'a', address: LOOPBACK, port: await freePort() },
    peers: [{ id: 'b', address: LOOPBACK, port: await freePort() }],
  });
  expect(alone.transport.sealResignation('b', RESIGNATION)).toBeUndefined();
  expect(alone.transport.report()[0]).toMatchObject({ lastSeenMs: null, problem: null });
});

test('a peer that restarted at once is heard when its old life has been silent long enough', async () => {
  const { a, b, startB } = await pair();
  b.transport.close();
  const reborn = startB();
  await meet(a, reborn);
  expect(a.transport.report()[0]?.problem).toBeNull();
  expect(a.log).toEqual([]);
});

test('of two processes with one id, only the first is heard, and status says so', async () => {
  // As long as no machine that runs this stands still: the first never looks dead.
  const { wire, a, b } = await pair({ liveMs: 60_000 });
  const twin = start({
    self: { id: 'b', address: LOOPBACK, port: await freePort() },
    peers: [{ id: 'a', address: LOOPBACK, port: wire.ports.a }],
  });
  for (let sequence = 1; sequence <= 20; sequence += 1) {
    b.transport.send('a', heartbeat(sequence));
    twin.transport.send('a', heartbeat(1000 + sequence));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await expect.poll(() => sequences(a).length).toBe(20);
  expect(sequences(a).every((sequence) => sequence < 1000)).toBe(true);
  await expect
    .poll(() => a.transport.report()[0]?.problem)
    .toBe('two processes run under its id: stop one of them');
});

test('a closed port, a missing route and a missing address are counted, and got over', async () => {
  const missing = literal('192.0.2.1'); // RFC 5737: nobody's
  const node = start({
    self: { id: 'a', address: missing, port: await freePort() },
    peers: [{ id: 'b', address: LOOPBACK, port: await freePort() }],
  });
  node.transport.send('b', heartbeat(1));
  await settle();
  node.transport.send('b', heartbeat(2));
  expect(Object.fromEntries(node.transport.counters().unsent)).toEqual({ 'not-bound': 2 });
  expect(node.log.join('\n')).toMatch(/cannot listen to peers yet.*"reason":"EADDRNOTAVAIL"/);

  const taken = createSocket('udp4');
  const port = await freePort();
  await new Promise<void>((resolve) => taken.bind(port, '127.0.0.1', resolve));
  const late = start({
    self: { id: 'a', address: LOOPBACK, port },
    peers: [{ id: 'b', address: LOOPBACK, port: await freePort() }],
  });
  await expect.poll(() => late.log.join('\n')).toContain('EADDRINUSE');
  taken.close();
  await expect.poll(() => late.log.join('\n')).toContain('listening to peers');
  late.transport.send('b', heartbeat(1));
  late.transport.send('b', heartbeat(2));
  await settle();
  late.transport.close();
  late.transport.close();
});

test('drain() comes after everything that has arrived while the loop stood still', async () => {
  const { wire, a, b } = await pair();
  wire.bend = () => [];
  wire.carried.length = 0;
  for (let sequence = 1; sequence <= 200; sequence += 1) a.transport.send('b', heartbeat(sequence));
  await expect.poll(() => wire.carried.length, { interval: 2 }).toBe(200);
  const counts = await new Promise<{ before: number; after: number }>((resolve) => {
    setTimeout(() => {
      for (const carried of wire.carried) wire.inject(carried);
      // A pause: when it is over, this timer is due, and 200 datagrams wait in the socket.
      const until = performance.now() + 30;
      while (performance.now() < until);
      const before = b.heard.length;
      b.transport.drain(() => resolve({ before, after: b.heard.length }));
    });
  });
  expect(counts).toEqual({ before: 0, after: 200 });
});
