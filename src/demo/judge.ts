import type { Instant } from '../core/time.ts';
import type { History, Outcome, Strike } from './history.ts';
import {
  everTwoHolders,
  type HoldingChange,
  holdingsOf,
  type Span,
  timeWithTwoHolders,
} from './holding.ts';
import { longestSilence, mixedAnswers } from './probes.ts';

/** Whether the VIP can move at all: two nodes cannot outvote the loss of one. */
export function canMove(history: History, { fault }: Pick<Strike, 'fault'>): boolean {
  return history.nodes.length >= 3 || fault === 'handoff' || fault === 'stop';
}

/** The next arrival of the VIP on another node than the one that was struck. */
export function successorOf(history: History, strike: Strike): HoldingChange | undefined {
  return history.holding.find(
    ({ held, node, at }) => held && node !== strike.node && at > strike.at,
  );
}

/**
 * What came of `strike`, from all that was seen until `until`, when the group was whole again or
 * was given up.
 */
export function judge(
  history: History,
  strike: Strike,
  { until, whole }: { readonly until: Instant; readonly whole: boolean },
): Outcome {
  const span: Span = { from: strike.at, until };
  const successor = successorOf(history, strike);
  const silence = longestSilence(history.probes, span);
  const requests = history.requests.filter(
    ({ startedAt }) => startedAt >= span.from && startedAt < until,
  );
  const broken = [...history.accidents];
  if (everTwoHolders(history.holding, span)) broken.push('Two nodes held the VIP at once');
  if (mixedAnswers(history.probes, holdingsOf(history.holding), span) > 0) {
    broken.push('Two nodes answered for the VIP at once');
  }
  if (successor === undefined && canMove(history, strike)) broken.push('No node took over in time');
  if (!whole) broken.push('The group was not whole again in time');
  return {
    ...strike,
    ...(successor === undefined ? {} : { successor: { node: successor.node, at: successor.at } }),
    ...(silence === undefined ? {} : { silence }),
    twoHoldersMs: timeWithTwoHolders(history.holding, span),
    requests: {
      total: requests.length,
      failed: requests.filter(({ failure }) => failure !== undefined).length,
    },
    broken,
  };
}

/** How long the client got no answer. */
export function gapMs({ silence }: Pick<Outcome, 'silence'>): number {
  return silence === undefined ? 0 : silence.until - silence.from;
}

/** Everything that broke, whenever it did; empty when every promise was kept. */
export function allBroken(history: History): readonly string[] {
  return [...new Set([...history.accidents, ...history.outcomes.flatMap(({ broken }) => broken)])];
}
