import { once } from 'node:events';
import net from 'node:net';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import {
  type Check,
  type Finding,
  HTTP_CHECK,
  type HttpCheck,
  TCP_CHECK,
} from '../../src/core/health/check.ts';
import { type ProbeTarget, probe } from '../../src/health/probe.ts';
import { openSockets, refusingTarget, startHttp, startTcp } from './servers.ts';

/** Long enough for a machine that is busy. */
const PATIENCE_MS = 10_000;
/** For probes that are to end without an answer. */
const SHORT_MS = 200;

const TCP: Check = { ...TCP_CHECK, timeoutMs: PATIENCE_MS };

/** Probes once, and sees to it that nothing is left of it on this side. */
async function ask(check: Check, target: ProbeTarget): Promise<Finding> {
  const before = openSockets();
  const finding = await probe(check, target, new AbortController().signal);
  await expect.poll(openSockets).toBeLessThanOrEqual(before);
  return finding;
}

function http(changes: Partial<HttpCheck> = {}): HttpCheck {
  return { ...HTTP_CHECK, timeoutMs: PATIENCE_MS, ...changes };
}

test('TCP: a backend that accepts passes, and its connection is reset', async () => {
  const server = await startTcp((socket) => socket.resume());
  expect(await ask(TCP, server)).toEqual({ verdict: 'passed', reason: 'accepted a connection' });
  await expect.poll(server.accepted).toBe(1);
  await expect.poll(server.open).toBe(0);
  expect(server.errors).toEqual(['ECONNRESET']);
});

test('TCP: nobody listens', async () => {
  const finding = await ask(TCP, await refusingTarget());
  expect(finding).toEqual({ verdict: 'failed', reason: 'connection refused' });
});

/** A listening socket in a thread that never accepts, with a queue that is full. */
async function fullServer(): Promise<ProbeTarget> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const server = require('node:net').createServer();
     server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
     });`,
    { eval: true },
  );
  const [port]: unknown[] = await once(worker, 'message');
  const sockets: net.Socket[] = [];
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await worker.terminate();
  });
  const { address } = await refusingTarget();
  for (let full = false; !full; ) {
    const socket = net.connect({ host: address, port: Number(port) });
    sockets.push(socket);
    const connected = once(socket, 'connect').then(() => true);
    const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), SHORT_MS));
    full = !(await Promise.race([connected, late]));
    if (sockets.length > 16) throw new Error('the queue does not fill');
  }
  return { address, port: Number(port) };
}

test('TCP: a backend whose queue is full does not answer in time', async () => {
  const target = await fullServer();
  const before = performance.now();
  const finding = await ask({ ...TCP_CHECK, timeoutMs: SHORT_MS }, target);
  expect(finding).toEqual({ verdict: 'failed', reason: 'no connection within 200 ms' });
  expect(performance.now() - before).toBeGreaterThan(SHORT_MS * 0.9);
});

test.each([
  [200, 'passed', 'answered 200'],
  [204, 'passed', 'answered 204'],
  [302, 'passed', 'answered 302'],
  [404, 'failed', 'answered 404, expected 200 to 399'],
  [503, 'failed', 'answered 503, expected 200 to 399'],
] as const)('HTTP: an answer of %i has %s', async (status, verdict, reason) => {
  const server = await startHttp((_request, response) => {
    response.writeHead(status, { location: '/elsewhere' }).end('well');
  });
  expect(await ask(http(), server)).toEqual({ verdict, reason });
  expect(server.accepted()).toBe(1);
});

test('HTTP: what is asked for, and that nobody waits for a second request', async () => {
  const seen: unknown[] = [];
  const server = await startHttp((request, response) => {
    const { method, url, headers } = request;
    seen.push({ method, url, host: headers.host, connection: headers.connection });
    response.end();
  });
  await ask(http(), server);
  await ask(http({ method: 'HEAD', path: '/readyz?verbose', host: 'api.example:6443' }), server);
  expect(seen).toEqual([
    { method: 'GET', url: '/', host: server.id, connection: 'close' },
    { method: 'HEAD', url: '/readyz?verbose', host: 'api.example:6443', connection: 'close' },
  ]);
});

test('HTTP: only what is expected passes', async () => {
  const server = await startHttp((_request, response) => {
    response.writeHead(401).end();
  });
  const expected = [
    { from: 200, to: 200 },
    { from: 401, to: 403 },
  ];
  expect((await ask(http({ expect: expected }), server)).verdict).toBe('passed');
  expect(await ask(http({ expect: [{ from: 200, to: 200 }] }), server)).toEqual({
    verdict: 'failed',
    reason: 'answered 401, expected 200',
  });
});

test('HTTP: nobody listens', async () => {
  const finding = await ask(http(), await refusingTarget());
  expect(finding).toEqual({ verdict: 'failed', reason: 'connection refused' });
});

test('HTTP: no answer in time', async () => {
  const server = await startHttp(() => {});
  expect(await ask(http({ timeoutMs: SHORT_MS }), server)).toEqual({
    verdict: 'failed',
    reason: 'no answer within 200 ms',
  });
  await expect.poll(server.open).toBe(0);
});

test('HTTP: an answer that is expected must also end in time', async () => {
  const server = await startHttp((_request, response) => {
    response.writeHead(200).write('still');
  });
  expect(await ask(http({ timeoutMs: SHORT_MS }), server)).toEqual({
    verdict: 'failed',
    reason: 'no end of the answer within 200 ms',
  });
  await expect.poll(server.open).toBe(0);
});

test('HTTP: of a body without end no more is read than is needed', async () => {
  const server = await startHttp((_request, response) => {
    response.on('error', () => {});
    const pour = (): void => {
      let room = true;
      while (room && !response.destroyed) room = response.write('x'.repeat(10_000));
    };
    response.on('drain', pour);
    pour();
  });
  expect(await ask(http(), server)).toEqual({ verdict: 'passed', reason: 'answered 200' });
  await expect.poll(server.open).toBe(0);
});

test('HTTP: an answer that breaks off', async () => {
  const server = await startTcp((socket) => {
    socket.resume().end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort');
  });
  expect(await ask(http(), server)).toEqual({
    verdict: 'failed',
    reason: 'answered 200, and broke off',
  });
});

test('HTTP: an answer that ends with its connection is a whole one', async () => {
  const server = await startTcp((socket) => {
    socket.resume().end('HTTP/1.0 200 OK\r\n\r\nall of it');
  });
  expect(await ask(http(), server)).toEqual({ verdict: 'passed', reason: 'answered 200' });
});

test('HTTP: who closes, resets or speaks otherwise has not answered', async () => {
  const closing = await startTcp((socket) => socket.resume().end());
  const resetting = await startTcp((socket) => {
    socket.once('data', () => socket.resetAndDestroy());
  });
  const other = await startTcp((socket) => {
    socket.resume().write('220 mail.example ESMTP\r\n');
  });
  const reasons: string[] = [];
  for (const server of [closing, resetting, other]) {
    const { verdict, reason } = await ask(http(), server);
    expect(verdict).toBe('failed');
    reasons.push(reason);
  }
  expect(reasons).toEqual([
    'closed the connection without an answer',
    'connection reset',
    'its answer is not HTTP (HPE_INVALID_CONSTANT)',
  ]);
});

test('what Node refuses to ask is no backend’s fault, and no rejection', async () => {
  const server = await startHttp((_request, response) => response.end());
  expect(await ask(http({ path: '/with space' }), server)).toEqual({
    verdict: 'inconclusive',
    reason: 'cannot be probed: ERR_UNESCAPED_CHARACTERS',
  });
});

test('a probe that is stopped ends at once, in the middle or before it began', async () => {
  const server = await startHttp(() => {});
  const stop = new AbortController();
  const running = probe(http(), server, stop.signal);
  await expect.poll(server.open).toBe(1);
  stop.abort();
  const stopped = { verdict: 'inconclusive', reason: 'the probe was stopped' };
  expect(await running).toEqual(stopped);
  await expect.poll(server.open).toBe(0);
  expect(await probe(TCP, server, stop.signal)).toEqual(stopped);
  expect(server.accepted()).toBe(1);
});
