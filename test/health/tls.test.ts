import type http from 'node:http';
import { expect, test } from 'vitest';
import { type Finding, HTTPS_CHECK, type HttpsCheck } from '../../src/core/health/check.ts';
import { type ProbeTarget, probe } from '../../src/health/probe.ts';
import { CA, OTHER_CA } from './certificates.ts';
import { openSockets, startHttps, startTcp } from './servers.ts';

const ready: http.RequestListener = (_request, response) => {
  response.end('ok');
};
const READY: Finding = { verdict: 'passed', reason: 'answered 200' };

async function ask(target: ProbeTarget, changes: Partial<HttpsCheck>): Promise<Finding> {
  const check = { ...HTTPS_CHECK, timeoutMs: 10_000, path: '/readyz', ...changes };
  const before = openSockets();
  const finding = await probe(check, target, new AbortController().signal);
  await expect.poll(openSockets).toBeLessThanOrEqual(before);
  return finding;
}

test('HTTPS: a certificate of the CA, for the address that is probed', async () => {
  const server = await startHttps(ready);
  expect(await ask(server, { ca: CA })).toEqual(READY);
  expect(await ask(server, { ca: `${OTHER_CA}${CA}` })).toEqual(READY);
});

test('HTTPS: an unexpected status fails as without TLS', async () => {
  const server = await startHttps((_request, response) => response.writeHead(500).end());
  expect((await ask(server, { ca: CA })).reason).toBe('answered 500, expected 200 to 399');
});

test('HTTPS: another CA, or only those that Node trusts', async () => {
  const server = await startHttps(ready);
  const foreign: Finding = { verdict: 'failed', reason: 'its certificate is signed by another CA' };
  expect(await ask(server, { ca: OTHER_CA })).toEqual(foreign);
  expect(await ask(server, {})).toEqual(foreign);
});

test('HTTPS: serverName is asked for, and must be in the certificate', async () => {
  const asked: string[] = [];
  const server = await startHttps(ready, (name) => asked.push(name));
  expect(await ask(server, { ca: CA, serverName: 'backend.example' })).toEqual(READY);
  expect(await ask(server, { ca: CA, serverName: 'other.example' })).toEqual({
    verdict: 'failed',
    reason: 'its certificate is not for "other.example"',
  });
  expect(asked).toEqual(['backend.example', 'other.example']);
});

test('HTTPS: without serverName the host is the name; no address is ever asked for', async () => {
  const asked: string[] = [];
  const server = await startHttps(ready, (name) => asked.push(name));
  expect(await ask(server, { ca: CA, host: 'backend.example:6443' })).toEqual(READY);
  expect((await ask(server, { ca: CA, host: 'other.example' })).verdict).toBe('failed');
  expect(await ask(server, { ca: CA })).toEqual(READY);
  expect((await ask(server, { ca: CA, serverName: '127.0.0.1' })).verdict).toBe('passed');
  expect((await ask(server, { ca: CA, serverName: '192.0.2.1' })).reason).toBe(
    'its certificate is not for "192.0.2.1"',
  );
  expect(asked).toEqual(['backend.example', 'other.example']);
});

test('HTTPS: insecure takes any certificate for any name', async () => {
  const server = await startHttps(ready);
  expect(await ask(server, { insecure: true })).toEqual(READY);
  expect(await ask(server, { insecure: true, ca: OTHER_CA })).toEqual(READY);
  expect(await ask(server, { insecure: true, serverName: 'other.example' })).toEqual(READY);
});

test('HTTPS: a backend without TLS, and one that says nothing', async () => {
  const plain = await startTcp((socket) => {
    socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  expect(await ask(plain, { insecure: true })).toEqual({
    verdict: 'failed',
    reason: 'the probe failed: wrong version number',
  });
  const silent = await startTcp((socket) => socket.resume());
  expect(await ask(silent, { insecure: true, timeoutMs: 200 })).toEqual({
    verdict: 'failed',
    reason: 'no TLS handshake within 200 ms',
  });
});
