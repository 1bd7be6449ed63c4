import type { History } from './history.ts';
import { allBroken, gapMs } from './judge.ts';

/** The result as one JSON document: `fairlead demo --json`. */
export interface DemoReport {
  readonly apiVersion: 'fairlead.io/v1';
  readonly kind: 'DemoReport';
  readonly nodes: number;
  readonly vip: string;
  /** What must not have happened, in words; empty when every promise was kept. */
  readonly broken: readonly string[];
  readonly faults: readonly FaultReport[];
}

export interface FaultReport {
  readonly fault: string;
  /** The node that led. */
  readonly from: string;
  /** The node that took over; null when none did. */
  readonly to: string | null;
  /** The client's longest silence, in milliseconds. */
  readonly gapMs: number;
  /**
   * From the fault to the arrival of the VIP at the next node, in milliseconds; null without one.
   */
  readonly takeoverMs: number | null;
  readonly twoHoldersMs: number;
  readonly requests: { readonly total: number; readonly failed: number };
}

export function reportOf(history: History): DemoReport {
  return {
    apiVersion: 'fairlead.io/v1',
    kind: 'DemoReport',
    nodes: history.nodes.length,
    vip: history.vip,
    broken: allBroken(history),
    faults: history.outcomes.map((outcome) => ({
      fault: outcome.fault,
      from: outcome.node,
      to: outcome.successor?.node ?? null,
      gapMs: round(gapMs(outcome)),
      takeoverMs: outcome.successor === undefined ? null : round(outcome.successor.at - outcome.at),
      twoHoldersMs: round(outcome.twoHoldersMs),
      requests: outcome.requests,
    })),
  };
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
