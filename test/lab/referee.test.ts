import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { everTwoHolders, holdingsOf } from '../../src/demo/holding.ts';
import { judge } from '../../src/demo/judge.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { startIpMonitor } from './ip-monitor.ts';
import { onStage, run } from './lab.ts';
import { needsLab } from './namespaces.ts';

// The judges are judged: no daemon runs, and a VIP is moved by hand, well and badly.

const WHENEVER = { from: 0, until: Infinity };

async function bind(stage: Stage, node: string): Promise<void> {
  await run(stage.station(node), 'ip', 'address', 'add', `${stage.history.vip}/32`, 'dev', 'eth0');
}

async function unbind(stage: Stage, node: string): Promise<void> {
  await run(stage.station(node), 'ip', 'address', 'del', `${stage.history.vip}/32`, 'dev', 'eth0');
}

describe('with a VIP that is moved by hand', () => {
  needsLab('a clean move is seen as one holder after another, with a gap', async () => {
    await onStage({ nodes: 2 }, async (stage) => {
      const { history } = stage;
      await stage.startAudience();
      await bind(stage, 'node-1');
      expect(await stage.until(() => history.probes.some(({ answer }) => answer), 2000)).toBe(true);
      const strike = { fault: 'handoff', at: stage.now(), node: 'node-1' } as const;
      await unbind(stage, 'node-1');
      await sleep(100);
      await bind(stage, 'node-2');
      await run(stage.network.client, 'ip', 'neigh', 'flush', 'all');
      await sleep(200);
      const until = stage.now();
      await stage.untilSettled(until);
      const outcome = judge(history, strike, { until, whole: true });
      expect(outcome.broken).toEqual([]);
      expect(outcome.successor?.node).toBe('node-2');
      const gap = (outcome.silence?.until ?? 0) - (outcome.silence?.from ?? 0);
      expect(gap).toBeGreaterThanOrEqual(100);
      expect(gap).toBeLessThan(400);
    });
  });

  needsLab('two holders are seen, by ours and by ip monitor', async () => {
    await onStage({ nodes: 2 }, async (stage) => {
      const monitor = await startIpMonitor(stage);
      await bind(stage, 'node-1');
      await bind(stage, 'node-2');
      await unbind(stage, 'node-1');
      await stage.until(() => monitor.holding(stage.history.vip).length === 3, 2000);
      const printed = monitor.holding(stage.history.vip);
      const shape = printed.map(({ node, held }) => `${node} ${held ? 'has it' : 'lost it'}`);
      expect(shape).toEqual(['node-1 has it', 'node-2 has it', 'node-1 lost it']);
      expect(everTwoHolders(printed, WHENEVER)).toBe(true);
      expect(everTwoHolders(stage.history.holding, WHENEVER)).toBe(true);
      expect(holdingsOf(stage.history.holding).map(({ node }) => node)).toEqual(
        holdingsOf(printed).map(({ node }) => node),
      );
    });
  });
});
