import type { Stage } from '../../src/demo/stage.ts';
import { startAnswers } from './answers.ts';
import type { Watchers } from './fence-round.ts';
import type { FenceRow } from './fence-rows.ts';
import { startIpMonitor } from './ip-monitor.ts';
import { onStage } from './on-stage.ts';
import { testProgram } from './test-program.ts';

const WHOLE_LIMIT_MS = 10_000;

/** Three nodes whose daemons do without what `row` is without, whole and watched. */
export async function onFenceStage(
  row: FenceRow,
  profile: 'default' | 'fast',
  story: (stage: Stage, watchers: Watchers) => Promise<void>,
): Promise<void> {
  const without = `FAIRLEAD_WITHOUT=${row.without.join(',')}`;
  const program = ['env', without, process.execPath, testProgram()] as const;
  const settings = { extra: [`profile: ${profile}`], balancers: [] };
  await onStage({ nodes: 3, settings, program }, async (stage) => {
    const watchers = { monitor: await startIpMonitor(stage), answers: await startAnswers(stage) };
    stage.startDaemons();
    if (!(await stage.untilWhole(WHOLE_LIMIT_MS))) throw new Error('the nodes elected no leader');
    await story(stage, watchers);
  });
}
