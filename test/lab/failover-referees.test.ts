import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { everTwoHolders } from '../../src/demo/holding.ts';
import { longestSilence } from '../../src/demo/probes.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { answeredTwiceMs, intrusions } from '../bench/failover/claims.ts';
import { startReferees } from '../bench/failover/referees.ts';
import { onStage, run } from './lab.ts';
import { needsLab } from './namespaces.ts';
import { watchStalls } from './stalls.ts';

// The benchmark's judges are judged: no daemon runs, and a VIP is moved by hand, well and badly.

/** Lets node-1 have the VIP for 300 ms, does `story`, and leaves all alone for 400 ms. */
async function watch(story: (stage: Stage) => Promise<void>) {
  let seen: Awaited<ReturnType<typeof startReferees>> | undefined;
  let from = 0;
  await onStage({ nodes: 2 }, async (stage) => {
    seen = await startReferees(stage.network, stage.history.vip, (end) => stage.atClose(end));
    seen.ask(true);
    await address(stage, 'node-1', 'add');
    await sleep(300);
    from = Date.now();
    await story(stage);
    await sleep(400);
  });
  if (seen === undefined) throw new Error('there was nobody to watch');
  const span = { from, until: Date.now() - 300 };
  return {
    boundTwice: everTwoHolders(seen.holding(), span),
    answeredTwiceMs: answeredTwiceMs(seen.claims, span),
    intrusions: intrusions(seen.claims, span).length,
    silence: longestSilence(seen.probes, span),
  };
}

async function address(stage: Stage, node: string, verb: 'add' | 'delete'): Promise<void> {
  const vip = `${stage.history.vip}/32`;
  await run(stage.station(node), 'ip', 'address', verb, vip, 'dev', 'eth0');
}

/** What a holder sends that comes: the client believes it at once. */
async function announce(stage: Stage, node: string): Promise<void> {
  await run(stage.station(node), 'ping', '-c1', '-W3', '-I', stage.history.vip, '192.0.2.50');
}

needsLab('a clean move leaves a gap, and no request is answered twice', async () => {
  const seen = await watch(async (stage) => {
    await address(stage, 'node-1', 'delete');
    await sleep(60);
    await address(stage, 'node-2', 'add');
    await run(stage.network.client, 'ip', 'neigh', 'flush', 'all');
  });
  expect(seen).toMatchObject({ boundTwice: false, answeredTwiceMs: 0, intrusions: 0 });
  const gap = (seen.silence?.until ?? 0) - (seen.silence?.from ?? 0);
  expect(gap).toBeGreaterThanOrEqual(60);
  expect(gap).toBeLessThan(300);
});

needsLab('two holders are seen by their addresses and by their answers', async () => {
  const seen = await watch(async (stage) => {
    await address(stage, 'node-2', 'add');
    await sleep(100);
    await address(stage, 'node-1', 'delete');
  });
  expect(seen.boundTwice).toBe(true);
  expect(seen.answeredTwiceMs).toBeGreaterThanOrEqual(50);
  expect(seen.answeredTwiceMs).toBeLessThan(300);
});

needsLab('one that answers nobody but speaks for the VIP is an intruder', async () => {
  const seen = await watch(async (stage) => {
    await run(stage.station('node-2'), 'sysctl', '-qw', 'net.ipv4.conf.all.arp_ignore=8');
    await address(stage, 'node-2', 'add');
    // Seen only between two answers of the holder: not if the machine stands still around it.
    for (let claim = 1; claim <= 5; claim += 1) {
      await run(stage.station('node-2'), 'ip', 'neigh', 'flush', 'all');
      await announce(stage, 'node-2').catch(() => undefined);
    }
    await address(stage, 'node-2', 'delete');
  });
  expect(seen.answeredTwiceMs).toBe(0);
  expect(seen.intrusions).toBeGreaterThan(0);
});

needsLab(
  'a processor that nobody here may have is missed, and one that is busy is not',
  async () => {
    const ends: (() => void)[] = [];
    const stalls = await watchStalls((end) => ends.push(end));
    onTestFinished(() => {
      for (const end of ends) end();
    });
    const loop = ['sh', '-c', 'while :; do :; done'];
    const spend = async (...before: string[]): Promise<number> => {
      const from = Date.now();
      // It ends by itself, and by the signal.
      spawnSync('timeout', ['0.1', ...before, ...loop]);
      await sleep(50);
      return stalls.withinMs({ from, until: Date.now() });
    };
    const highest = ['-f', '99'];
    // An ordinary user may have no such priority, and sees no stalls.
    const refused = spawnSync('chrt', [...highest, 'true']).status !== 0;
    // Nobody takes turns there (sched(7), SCHED_FIFO).
    const taken = await spend('taskset', '-c', '0', 'chrt', ...highest);
    if (refused) expect(taken).toBe(0);
    else expect(taken).toBeGreaterThan(50);
    const busy = [await spend('nice', '-n', '-20'), await spend('nice', '-n', '-20')];
    expect(Math.min(...busy)).toBeLessThan(50);
  },
);
