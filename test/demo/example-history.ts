import { createHistory, type History } from '../../src/demo/history.ts';
import { judge } from '../../src/demo/judge.ts';

/** When things happen in the example, in milliseconds of its clock, which begins at 10 s. */
export const START = 10_000;
export const STRIKE = START + 3000;
export const GAP_MS = 340;
const HEAL = STRIKE + 1300;

/** Three nodes; node-2 leads from 1 s on, is frozen at 3 s, and node-3 takes over 340 ms later. */
export function exampleHistory(): History {
  const history = createHistory(START, ['node-1', 'node-2', 'node-3'], '192.0.2.100');
  history.activity = 'freeze: the daemon of node-2 is frozen (SIGSTOP)';
  history.holding.push(
    { at: START + 1000, node: 'node-2', held: true },
    { at: STRIKE + 235, node: 'node-2', held: false },
    { at: STRIKE + 235 + GAP_MS, node: 'node-3', held: true },
  );
  history.conditions.push(
    { at: STRIKE, node: 'node-2', condition: 'frozen' },
    { at: HEAL, node: 'node-2', condition: 'running' },
  );
  const strike = { fault: 'freeze', at: STRIKE, node: 'node-2' } as const;
  history.strikes.push(strike);
  for (let sentAt = START + 500; sentAt < START + 6000; sentAt += 1) {
    const node = answererAt(sentAt);
    history.probes.push(
      node === undefined ? { sentAt } : { sentAt, answer: { at: sentAt + 0.2, node } },
    );
  }
  for (let startedAt = START + 500; startedAt < START + 6000; startedAt += 20) {
    const node = answererAt(startedAt);
    history.requests.push(
      node === undefined
        ? { startedAt, endedAt: startedAt + 1000, failure: 'timeout' }
        : { startedAt, endedAt: startedAt + 1, backend: 'backend-1' },
    );
  }
  history.outcomes.push(judge(history, strike, { until: HEAL + 200, whole: true }));
  return history;
}

function answererAt(at: number): string | undefined {
  if (at >= START + 1000 && at < STRIKE + 235) return 'node-2';
  return at >= STRIKE + 235 + GAP_MS ? 'node-3' : undefined;
}
