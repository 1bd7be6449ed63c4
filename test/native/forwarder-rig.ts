import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { parseIpAddress } from '../../src/core/address/ip.ts';
import { invariant } from '../../src/core/invariant.ts';
import type { Backend, Listener } from '../../src/core/plan/state.ts';
import { loadBinding } from '../../src/dataplane/binding.ts';
import { Forwarder, type ListenerCounters } from '../../src/dataplane/forwarder.ts';

export const LOOPBACK = address('127.0.0.1');
export const LOOPBACK_IPV6 = address('::1');
export const ANY = address('::');

export function address(text: string): Backend['address'] {
  const parsed = parseIpAddress(text);
  invariant(parsed !== undefined, `${text} is an address`);
  return parsed;
}

/** A forwarder that is closed with the test. */
export function openForwarder(threads = 1): Forwarder {
  const forwarder = new Forwarder({ threads });
  onTestFinished(() => forwarder.close());
  return forwarder;
}

/** A backend without a weight has that of all others: 1. */
export type Place = Omit<Backend, 'weight'> & Partial<Pick<Backend, 'weight'>>;

export function backendsAt(places: readonly Place[]): readonly Backend[] {
  return places.map(({ address: at, port, weight = 1 }) => ({ address: at, port, weight }));
}

/** A server on loopback that closes with the test, and the sockets it has accepted. */
export interface TestBackend extends Place {
  readonly sockets: Socket[];
  close(): Promise<void>;
}

export async function startBackend(
  serve: (socket: Socket) => void,
  host: Backend['address'] = LOOPBACK,
  onPort = 0,
): Promise<TestBackend> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined); // A reset is what many tests are about.
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(onPort, host, 4096, resolve));
  const port = portOf(server);
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(close);
  return { address: host, port, sockets, close };
}

/** Sends back what it gets, and ends when the client has ended. */
export function echo(socket: Socket): void {
  socket.pipe(socket);
}

/** Says one word and ends, so that a client knows which backend it reached. */
export function say(word: string): (socket: Socket) => void {
  return (socket) => void socket.end(word);
}

/** A backend where nothing listens. */
export async function closedBackend(): Promise<Place> {
  return { address: LOOPBACK, port: await freePort() };
}

/** A port on which nothing listens now, on any address. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '::', resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function portOf(server: Server): number {
  const bound = server.address();
  invariant(bound !== null && typeof bound === 'object', 'the server listens on a port');
  return bound.port;
}

export async function listenerTo(
  backends: readonly Place[],
  options: Partial<Listener> = {},
): Promise<Listener> {
  const port = options.port ?? (await freePort());
  return {
    id: `balancer@${port}`,
    name: 'balancer',
    address: LOOPBACK,
    port,
    backends: backendsAt(backends),
    algorithm: 'round-robin',
    proxyProtocol: 'none',
    connectTimeoutMs: 1000,
    idleTimeoutMs: 0,
    maxConnections: 10_000,
    drainMs: 1000,
    ...options,
  };
}

/** A client of a listener, closed with the test. */
export interface Client {
  readonly socket: Socket;
  /**
   * Everything received, when the other side has ended; rejects with the error that came instead.
   */
  readonly received: Promise<Buffer>;
}

export function connectTo(
  listener: Pick<Listener, 'port'>,
  host: string = LOOPBACK,
  from: { readonly localAddress?: string } = {},
): Client {
  const { port } = listener;
  const { localAddress } = from;
  const bound = localAddress === undefined ? {} : { localAddress };
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true, ...bound });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  const received = new Promise<Buffer>((resolve, reject) => {
    socket.on('end', () => resolve(Buffer.concat(chunks)));
    socket.on('error', reject);
  });
  received.catch(() => undefined); // Those who care await it.
  onTestFinished(() => void socket.destroy());
  return { socket, received };
}

/** Connects, sends `message`, ends, and returns the answer. */
export async function ask(
  listener: Pick<Listener, 'port'>,
  message = '',
  host?: string,
  from?: { readonly localAddress?: string },
): Promise<string> {
  const client = connectTo(listener, host, from);
  client.socket.end(message);
  const answer = (await client.received).toString();
  client.socket.destroy();
  return answer;
}

/** What `client` ended with: `end`, or the code of its error. */
export async function endOf(client: Client): Promise<string> {
  try {
    await client.received;
  } catch (err) {
    return codeOf(err);
  }
  // A write may have taken the socket's error from the read, which then only finds the end: Node
  // tells of the end first.
  await sleep(50);
  return client.socket.errored === null ? 'end' : codeOf(client.socket.errored);
}

function codeOf(err: unknown): string {
  return err instanceof Error && 'code' in err ? String(err.code) : String(err);
}

export function countersOf(forwarder: Forwarder, listener: Listener): ListenerCounters {
  const found = forwarder.counters().find(({ id }) => id === listener.id);
  invariant(found !== undefined, `${listener.id} is open`);
  return found;
}

/** Waits until `check` holds, and fails with what it last saw after five seconds. */
export async function until<T>(read: () => T, check: (seen: T) => boolean): Promise<T> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const seen = read();
    if (check(seen)) return seen;
    await sleep(5);
  }
  throw new Error(`still ${JSON.stringify(read())} after five seconds`);
}

export interface Payload {
  readonly bytes: Buffer;
  readonly hash: string;
}

export function randomPayload(size: number): Payload {
  const bytes = randomBytes(size);
  return { bytes, hash: hashOf(bytes) };
}

export function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Whether anything listens on the TCP port, by the kernel's own tables (proc_net_tcp(5)). */
export function listens(port: number): boolean {
  const LISTEN = '0A'; // include/net/tcp_states.h
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return ['tcp', 'tcp6'].some((table) =>
    readFileSync(`/proc/self/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .some((line) => {
        const [, local, , state] = line.trim().split(/\s+/);
        return state === LISTEN && local?.endsWith(`:${wanted}`) === true;
      }),
  );
}

/** Binds an address in this test run's own network: to `lo`, or to a bridge that is made for it. */
export async function bindTestAddress(
  text: string,
  { prefixLength, bridge }: { readonly prefixLength: number; readonly bridge?: string },
): Promise<void> {
  const binding = loadBinding();
  const kernel = binding.openKernel({});
  const name = bridge ?? 'lo';
  if (bridge !== undefined) {
    await binding.createBridge(kernel, { name }).catch(() => undefined); // There already.
    await binding.setLink(kernel, { name, up: true });
  }
  const link = (await binding.listLinks(kernel)).find((found) => found.name === name);
  const request = { link: link?.index ?? 0, address: text, prefixLength, validSeconds: -1 };
  const [failure] = await binding.addAddresses(kernel, [request], {
    notAfterMs: Number.POSITIVE_INFINITY,
  });
  binding.closeKernel(kernel);
  // An IPv6 address has its route a moment later, by a work queue (net/ipv6/addrconf.c,
  // addrconf_dad_work): until then it cannot be reached.
  await sleep(100);
  invariant(failure === null, `${text} could be bound`);
}
