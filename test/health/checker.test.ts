import { expect, onTestFinished, test } from 'vitest';
import { HEALTH_OPTIONS, type HealthOptions } from '../../src/core/health/balancer.ts';
import { type Check, HTTP_CHECK, TCP_CHECK } from '../../src/core/health/check.ts';
import { type CheckedBalancer, HealthChecker } from '../../src/health/checker.ts';
import type { ProbeTarget } from '../../src/health/probe.ts';
import { ProbeSlots } from '../../src/health/probe-slots.ts';
import { openSockets, refusingTarget, startHttp, startTcp } from './servers.ts';

type Target = ProbeTarget & { readonly id: string };

const QUICK: HealthOptions = { ...HEALTH_OPTIONS, intervalMs: 100, fastIntervalMs: 30 };

function balancer(
  name: string,
  targets: readonly Target[],
  check: Check = TCP_CHECK,
  options: HealthOptions = QUICK,
): CheckedBalancer {
  const backends = targets.map(({ id, address, port }) => ({ id, address, port, weight: 10 }));
  return { name, check, options, backends };
}

/** A checker that notes what it tells, and ends with the test. */
function startChecker(maxProbes?: number) {
  const weights = new Map<string, string>();
  const lines: string[] = [];
  const checker = new HealthChecker(
    {
      clock: { now: () => performance.now() },
      random: () => Math.random(),
      weighed: (name, told) => {
        weights.set(name, `${[...told.weights.values()].join(' ')}${told.panic ? ' panic' : ''}`);
      },
      told: (name, event) => {
        const about = 'id' in event ? ` ${event.id}: ${event.reason}` : '';
        lines.push(`${name}: ${event.kind}${about}`);
      },
    },
    maxProbes === undefined ? {} : { maxProbes },
  );
  onTestFinished(() => checker.close());
  return { checker, lines, shown: (name: string) => weights.get(name) };
}

test('weights are told at once, and follow what the backends answer', async () => {
  let status = 200;
  const changing = await startHttp((_request, response) => response.writeHead(status).end());
  const steady = await startHttp((_request, response) => response.end());
  const { checker, lines, shown } = startChecker();
  checker.set([balancer('web', [changing, steady], HTTP_CHECK)]);
  expect(shown('web')).toBe('10 10');
  await expect.poll(() => checker.report('web')?.backends[0]?.state).toBe('healthy');
  status = 503;
  await expect.poll(() => shown('web')).toBe('0 10');
  expect(checker.report('web')?.backends[0]).toMatchObject({
    id: changing.id,
    state: 'unhealthy',
    weight: 0,
    last: { finding: { verdict: 'failed', reason: 'answered 503, expected 200 to 399' } },
  });
  status = 200;
  await expect.poll(() => shown('web')).toBe('10 10');
  expect(lines).toEqual([
    `web: turned-unhealthy ${changing.id}: answered 503, expected 200 to 399`,
    `web: turned-healthy ${changing.id}: answered 200`,
  ]);
});

test('each load balancer is judged for itself, and panics for itself', async () => {
  const good = await startTcp((socket) => socket.resume());
  const gone = await refusingTarget();
  const { checker, shown } = startChecker();
  checker.set([balancer('half', [good, gone]), balancer('all', [gone])]);
  await expect.poll(() => shown('half')).toBe('10 0');
  await expect.poll(() => shown('all')).toBe('10 panic');
  checker.set([balancer('half', [good, gone])]);
  expect(checker.report('all')).toBeUndefined();
  expect(checker.report('half')?.backends[1]?.state).toBe('unhealthy');
});

test('a backend that is asked otherwise is probed anew, and the old probe given up', async () => {
  const server = await startHttp((request, response) => {
    if (request.url === '/well') response.end();
  });
  const { checker } = startChecker();
  const patient = { ...HTTP_CHECK, timeoutMs: 60_000 };
  checker.set([balancer('web', [server], { ...patient, path: '/never' })]);
  await expect.poll(server.open).toBe(1);
  checker.set([balancer('web', [server], { ...patient, path: '/well' })]);
  await expect.poll(() => checker.report('web')?.backends[0]?.state).toBe('healthy');
  await expect.poll(server.open).toBe(0);
});

test('backends that keep silent do not keep those of others from being probed', async () => {
  const silent = await Promise.all(Array.from({ length: 12 }, () => startHttp(() => {})));
  const good = await startHttp((_request, response) => response.end());
  const { checker } = startChecker(2);
  const slow = { ...HTTP_CHECK, timeoutMs: 300 };
  checker.set([balancer('silent', silent, slow), balancer('good', [good], HTTP_CHECK)]);
  await expect.poll(() => checker.report('good')?.backends[0]?.state).toBe('healthy');
  const open = silent.reduce((sum, server) => sum + server.open(), 0);
  expect(open).toBeLessThanOrEqual(2);
  const judged = checker.report('silent')?.backends.filter(({ state }) => state !== 'unknown');
  expect(judged?.length).toBeLessThan(12);
});

test('close() in the middle leaves no socket and no timer', async () => {
  const before = openSockets();
  const silent = await Promise.all(Array.from({ length: 6 }, () => startHttp(() => {})));
  const { checker } = startChecker(4);
  const patient = { ...HTTP_CHECK, timeoutMs: 60_000 };
  checker.set([balancer('silent', silent, patient)]);
  const open = () => silent.reduce((sum, server) => sum + server.open(), 0);
  await expect.poll(open).toBe(4);
  await checker.close();
  await checker.close();
  await expect.poll(open).toBe(0);
  expect(openSockets()).toBeLessThanOrEqual(before);
  const accepted = silent.map((server) => server.accepted());
  checker.set([balancer('silent', silent, patient)]);
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(silent.map((server) => server.accepted())).toEqual(accepted);
});

test('ProbeSlots lets owners take turns, and skips who was stopped', async () => {
  const slots = new ProbeSlots(1);
  const ran: string[] = [];
  const stop = new AbortController();
  const going = new AbortController().signal;
  const take = (owner: string, name: string, signal = going) => {
    slots.take(owner, () => Promise.resolve(void ran.push(name)), signal);
  };
  for (const name of ['a1', 'a2', 'a3']) take('a', name);
  take('b', 'b1', stop.signal);
  take('b', 'b2');
  take('c', 'c1');
  stop.abort();
  await expect.poll(() => ran.length).toBe(5);
  expect(ran).toEqual(['a1', 'a2', 'c1', 'a3', 'b2']);
});
