import { invariant } from '../core/invariant.ts';
import type { Instant } from '../core/time.ts';
import type { HoldingChange, Span } from './holding.ts';
import type { Probe, Request } from './probes.ts';

/** What can be done to the node that leads. */
export type Fault = 'handoff' | 'stop' | 'kill' | 'freeze' | 'unplug';

/** What the demo does unless it is told otherwise, in this order. */
export const USUAL_FAULTS: readonly Fault[] = ['handoff', 'kill', 'freeze', 'unplug'];

/** What has been done to a node, as far as the demo did it. */
export type Condition = 'running' | 'dead' | 'frozen' | 'unplugged';

export interface ConditionChange {
  readonly at: Instant;
  readonly node: string;
  readonly condition: Condition;
}

/** A fault at the moment that it strikes. */
export interface Strike {
  readonly fault: Fault;
  readonly at: Instant;
  /** The node that led, and that it strikes. */
  readonly node: string;
}

/** What came of a fault. */
export interface Outcome extends Strike {
  /** The node that the VIP came to next, and when; missing when none took over within the bound. */
  readonly successor?: { readonly node: string; readonly at: Instant };
  /** The longest time between two answers that the client got; missing when it missed none. */
  readonly silence?: Span;
  readonly twoHoldersMs: number;
  readonly requests: { readonly total: number; readonly failed: number };
  /** What must not have happened; empty when the fault was survived as promised. */
  readonly broken: readonly string[];
}

/**
 * Everything that happened so far, on one clock. The timeline, the table and the report are
 * functions of it.
 */
export interface History {
  readonly startedAt: Instant;
  /** In the order of their lanes. */
  readonly nodes: readonly string[];
  readonly vip: string;
  /** What is being done at present, in words. */
  activity: string;
  /** In the order in which the kernel made them. */
  readonly holding: HoldingChange[];
  readonly conditions: ConditionChange[];
  /** Nearly in the order of their sending: a lost one is known late. */
  readonly probes: Probe[];
  readonly requests: Request[];
  readonly strikes: Strike[];
  /** What happened that nobody did, in words: a daemon that ended by itself. */
  readonly accidents: string[];
  readonly outcomes: Outcome[];
}

export function createHistory(startedAt: Instant, nodes: readonly string[], vip: string): History {
  return {
    startedAt,
    nodes,
    vip,
    activity: '',
    holding: [],
    conditions: [],
    probes: [],
    requests: [],
    strikes: [],
    accidents: [],
    outcomes: [],
  };
}

/** What had been done to `node` by `at`. */
export function conditionAt(history: History, node: string, at: Instant): Condition {
  return (
    history.conditions.findLast((change) => change.node === node && change.at <= at)?.condition ??
    'running'
  );
}

/** The position of a node among the lanes, from 1: how the client's lane names it. */
export function laneNumber(history: History, node: string): number {
  const index = history.nodes.indexOf(node);
  invariant(index >= 0, `"${node}" is not a node of this demo`);
  return index + 1;
}
