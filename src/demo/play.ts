import { setTimeout as sleep } from 'node:timers/promises';
import { FAULT_ACTS } from './faults.ts';
import type { Fault, Outcome, Strike } from './history.ts';
import { canMove, gapMs, judge, successorOf } from './judge.ts';
import type { Stage } from './stage.ts';

/** After this the VIP counts as lost: several times what the slowest fault is allowed. */
const TAKEOVER_LIMIT_MS = 5000;
const WHOLE_LIMIT_MS = 10_000;
/** How long everything is left alone, before a fault and after it, for the eye and the client. */
const CALM_MS = 900;

/** Tells what is going on, in words. */
export type Narrate = (words: string) => void;

/**
 * Starts the daemons and lets them elect their first leader.
 *
 * @returns false when they do not within a bound; `history.accidents` says so.
 */
export async function playOpening(stage: Stage, narrate: Narrate): Promise<boolean> {
  const { history } = stage;
  narrate(`${history.nodes.length} daemons start and elect a leader`);
  stage.startDaemons();
  if (!(await stage.untilWhole(WHOLE_LIMIT_MS))) {
    history.accidents.push('The nodes elected no leader that holds the VIP');
    return false;
  }
  narrate(`${stage.holder} leads and holds ${history.vip}`);
  return true;
}

/** Does `fault` to the node that leads, sees who takes over, puts it right, and judges. */
export async function playFault(stage: Stage, fault: Fault, narrate: Narrate): Promise<Outcome> {
  const { history } = stage;
  await sleep(CALM_MS);
  // A machine that others keep busy may have moved the VIP since.
  await stage.untilWhole(WHOLE_LIMIT_MS);
  const act = FAULT_ACTS[fault];
  const strike: Strike = { fault, at: stage.now(), node: stage.holder ?? '' };
  const { node } = strike;
  narrate(`${fault}: ${act.words(node)}`);
  history.strikes.push(strike);
  stage.setCondition(node, act.condition);
  await act.strike(stage, node);
  if (canMove(history, strike)) {
    await stage.until(() => successorOf(history, strike) !== undefined, TAKEOVER_LIMIT_MS);
  }
  const successor = successorOf(history, strike);
  if (successor !== undefined) narrate(`${successor.node} holds ${history.vip}`);
  await sleep(CALM_MS);
  if (act.cure !== undefined) narrate(act.cure(node));
  await act.heal(stage, node);
  stage.setCondition(node, 'running');
  const whole = await stage.untilWhole(WHOLE_LIMIT_MS);
  const until = stage.now();
  await stage.untilSettled(until);
  const outcome = judge(history, strike, { until, whole });
  history.outcomes.push(outcome);
  narrate(summaryOf(outcome));
  return outcome;
}

function summaryOf(outcome: Outcome): string {
  const { requests, fault, broken } = outcome;
  const kept =
    `${fault}: ${gapMs(outcome).toFixed(0)} ms without an answer, ` +
    `${requests.failed} of ${requests.total} requests failed`;
  return [kept, ...broken].join('; ');
}
