import { expect } from 'vitest';
import type { BackendStatus } from '../../src/core/status/status.ts';
import { playOpening } from '../../src/demo/play.ts';
import { BACKEND_PORT, BALANCER_PORT, type Stage } from '../../src/demo/stage.ts';
import { onStage, run } from './lab.ts';
import { needsLab } from './namespaces.ts';

const SILENT = '192.0.2.22';
const BACKENDS = ['192.0.2.21', SILENT, '192.0.2.23'];

async function withHealthCheck(check: string, story: (stage: Stage) => Promise<void>) {
  const web = {
    name: 'web',
    port: BALANCER_PORT,
    bindToVip: true,
    backends: BACKENDS.map((address) => ({ address, port: BACKEND_PORT })),
    extra: [`healthCheck: ${check}`],
  };
  await onStage({ nodes: 3, settings: { balancers: [web] } }, async (stage) => {
    await stage.startAudience();
    expect(await playOpening(stage, () => {})).toBe(true);
    await story(stage);
  });
}

async function setAddress(stage: Stage, verb: 'add' | 'del', address: string): Promise<void> {
  await run(stage.network.backends, 'ip', 'address', verb, `${address}/24`, 'dev', 'eth0');
}

async function setLink(stage: Stage, state: 'up' | 'down'): Promise<void> {
  await run(stage.network.backends, 'ip', 'link', 'set', 'eth0', state);
}

/** What a node says of each backend. */
async function backendsOf(stage: Stage, node: string): Promise<readonly BackendStatus[]> {
  return (await stage.status(node)).listeners[0]?.backends ?? [];
}

/** The next so many requests of the client. */
async function nextRequests(stage: Stage, count: number) {
  const from = stage.now();
  const since = () =>
    stage.history.requests.filter(({ startedAt }) => startedAt > from).slice(0, count);
  expect(await stage.until(() => since().length === count, 10_000)).toBe(true);
  return since();
}

needsLab('a backend that falls silent is left alone, until it answers again', async () => {
  const check = '{type: http, intervalMs: 200, timeoutMs: 100, fall: 2, rise: 2}';
  await withHealthCheck(check, async (stage) => {
    await setAddress(stage, 'del', SILENT);
    // Also who does not hold the VIP knows it, so that a takeover finds no other backends.
    for (const { name } of stage.network.nodes) {
      await expect
        .poll(async () => (await backendsOf(stage, name))[1])
        .toMatchObject({ healthy: false, checked: true, weight: 0, problem: expect.any(String) });
    }
    const without = await nextRequests(stage, 40);
    expect(without.filter(({ failure }) => failure !== undefined)).toEqual([]);
    expect(new Set(without.map(({ backend }) => backend))).toEqual(
      new Set(['backend-1', 'backend-3']),
    );
    await setAddress(stage, 'add', SILENT);
    await expect
      .poll(async () => (await backendsOf(stage, stage.holder ?? ''))[1])
      .toMatchObject({ healthy: true, weight: 1, problem: null });
    const again = await nextRequests(stage, 40);
    expect(again.map(({ backend }) => backend)).toContain('backend-2');
  });
});

needsLab('where all backends seem dead, all are used', async () => {
  const check = '{type: tcp, intervalMs: 200, timeoutMs: 100, fall: 2, rise: 1}';
  await withHealthCheck(check, async (stage) => {
    const { holder = '' } = stage;
    await setLink(stage, 'down');
    await expect
      .poll(async () => (await backendsOf(stage, holder)).map(({ healthy }) => healthy))
      .toEqual([false, false, false]);
    const weights = (await backendsOf(stage, holder)).map(({ weight }) => weight);
    expect(weights).toEqual([1, 1, 1]);
    expect(stage.daemon(holder).log).toContain('too few backends are healthy');
    await setLink(stage, 'up');
    await expect
      .poll(async () => (await backendsOf(stage, holder)).map(({ healthy }) => healthy))
      .toEqual([true, true, true]);
    expect(stage.holder).toBe(holder);
    expect((await nextRequests(stage, 10)).every(({ failure }) => failure === undefined)).toBe(
      true,
    );
  });
});
