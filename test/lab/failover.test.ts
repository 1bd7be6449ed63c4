import { describe, expect } from 'vitest';
import type { Fault, Outcome } from '../../src/demo/history.ts';
import type { HoldingChange } from '../../src/demo/holding.ts';
import { gapMs } from '../../src/demo/judge.ts';
import { playFault, playOpening } from '../../src/demo/play.ts';
import { expectOneHolder } from './broken-promise.ts';
import { startIpMonitor } from './ip-monitor.ts';
import { onStage } from './lab.ts';
import { needsLab } from './namespaces.ts';
import { watchStalls } from './stalls.ts';

// Three real daemons in the default profile, and a client that asks every millisecond. That no two
// nodes ever hold the VIP is exact: the order of the kernel's events, by a program that is not
// ours. Times are judged with room, for a machine that does other things too; the benchmark has
// medians.

/** Three times the goals: 20 ms, 100 ms when the leader dies, 600 ms when it falls silent. */
const GAP_LIMITS_MS: Readonly<Record<Fault, number>> = {
  handoff: 60,
  stop: 60,
  kill: 300,
  freeze: 1800,
  unplug: 1800,
};

/** Every move of the VIP; a machine that others keep busy may make the next leader lose it, too. */
function movesOf(changes: readonly HoldingChange[]): readonly string[] {
  const came = changes.filter(({ held }) => held).map(({ node }) => node);
  const arrivals = came.filter((node, index) => node !== came[index - 1]);
  return arrivals.slice(1).map((node, index) => `${arrivals[index]} to ${node}`);
}

/** A busy machine makes a gap longer, never shorter: the shortest of a few is nearest the truth. */
const MOST_PLAYS = 8;

async function survive(fault: Fault): Promise<Outcome> {
  let outcome: Outcome | undefined;
  const gaps: number[] = [];
  await onStage({ nodes: 3, timing: 'profile' }, async (stage) => {
    const monitor = await startIpMonitor(stage);
    const stalls = await watchStalls((end) => stage.atClose(end));
    await stage.startAudience();
    expect(await playOpening(stage, () => {})).toBe(true);
    for (let play = 1; play <= MOST_PLAYS; play += 1) {
      const from = Date.now();
      outcome = await playFault(stage, fault, () => {});
      const printed = monitor.holding(stage.history.vip);
      expectOneHolder(printed);
      expectOneHolder(stage.history.holding);
      expect(outcome.broken).toEqual([]);
      expect(movesOf(printed)).toContain(`${outcome.node} to ${outcome.successor?.node}`);
      expect(outcome.twoHoldersMs).toBe(0);
      // What the host of a virtual machine took from it meanwhile is no time of ours.
      gaps.push(gapMs(outcome) - stalls.withinMs({ from, until: Date.now() }));
      if (Math.min(...gaps) < GAP_LIMITS_MS[fault]) return;
    }
    expect.fail(`no gap below ${GAP_LIMITS_MS[fault]} ms: ${gaps.join(', ')}`);
  });
  if (outcome === undefined) throw new Error('the story was not told to its end');
  return outcome;
}

describe('three nodes share a VIP: another one takes over, and never two serve, when the leader', () => {
  needsLab('is asked to hand over', async () => {
    const { requests } = await survive('handoff');
    expect(requests.failed).toBeLessThan(requests.total / 4);
  });

  needsLab('is stopped in order (SIGTERM)', async () => {
    await survive('stop');
  });

  needsLab('is killed (SIGKILL)', async () => {
    await survive('kill');
  });

  needsLab('is frozen (SIGSTOP), and wakes when another one leads', async () => {
    await survive('freeze');
  });

  needsLab('loses its cable', async () => {
    await survive('unplug');
  });
});
