import type { Fence } from '../../src/daemon/test-fences.ts';
import type { Blow } from './blows.ts';
import type { Fall } from './fence-round.ts';

/** A blow to the holder, and what the fences that are left have to keep. */
export interface FenceRow {
  /** Which fences there are, and what is done to the holder. */
  readonly name: string;
  readonly without: readonly Fence[];
  readonly blow: Blow;
  /** For how long the address is waited for to go, in ms. */
  readonly watchMs: number;
  readonly bounds: readonly Bound[];
  /** Whether somebody is left who can tell the others. */
  readonly resigns: boolean;
}

export interface Bound {
  /** What is measured, in words. */
  readonly what: string;
  /** In ms; Infinity when it did not happen. */
  measure(fall: Fall): number;
  /** What it shall be at most, in ms, in each profile. */
  readonly limitsMs: { readonly default: number; readonly fast: number };
  /** What a test takes, on a machine that does other things too, in the default profile. */
  readonly testLimitMs: number;
}

/** Of a group with one VIP, however short its right is (src/core/plan/lifetime.ts). */
const LIFETIME_MS = 2000;
const WATCH_MS = 1500;
const GATE_WATCH_MS = 700;

/** Most of it is the kernel's, which ends a process of Node: its sockets close after its memory. */
const goneAfterBlow: Bound = {
  what: 'address gone after the blow',
  measure: ({ goneAt, struckAt }) => goneAt - struckAt,
  limitsMs: { default: 50, fast: 50 },
  testLimitMs: 300,
};

const goneAfterDeadline: Bound = {
  what: 'address gone after the deadline',
  measure: ({ goneAt, deadline }) => goneAt - deadline,
  limitsMs: { default: 50, fast: 10 },
  testLimitMs: 150,
};

const servedAfterDeadline: Bound = {
  what: 'last answer or packet taken, after the deadline',
  measure: ({ servedAt, deadline }) => servedAt - deadline,
  limitsMs: { default: 50, fast: 10 },
  testLimitMs: 150,
};

/**
 * From Linux 6.13 on the work that ends lifetimes is deferrable (net/ipv4/devinet.c): a processor
 * that has nothing to do does not wake for it, so it comes late by what nobody bounds.
 */
const goneAfterLifetime: Bound = {
  what: 'address gone after its lifetime',
  measure: ({ goneAt, refreshedAt }) => goneAt - refreshedAt - LIFETIME_MS,
  limitsMs: { default: 300, fast: 300 },
  testLimitMs: 4000,
};

function guardAlone(blow: Blow, name: string, bounds: readonly Bound[]): FenceRow {
  return {
    name: `guard alone, ${name}`,
    without: ['gate', 'lifetime'],
    blow,
    watchMs: WATCH_MS,
    bounds,
    resigns: true,
  };
}

/** The address stays: nobody is there to delete it. */
function gateAlone(blow: Blow, name: string, shape: 'netdev' | 'inet'): FenceRow {
  return {
    name: `gate alone (${shape}), ${name}`,
    without: ['guard', 'lifetime', ...(shape === 'inet' ? (['gate-netdev'] as const) : [])],
    blow,
    watchMs: GATE_WATCH_MS,
    bounds: [servedAfterDeadline],
    resigns: false,
  };
}

/** Nobody is left who could delete the address. */
function lifetimeIsLeft(
  blow: Blow,
  name: string,
  without: readonly Fence[],
  bounds: readonly Bound[],
): FenceRow {
  return {
    name,
    without,
    blow,
    watchMs: 4 * LIFETIME_MS,
    bounds,
    resigns: false,
  };
}

const BOTH: readonly Bound[] = [servedAfterDeadline, goneAfterLifetime];

export const FENCE_ROWS: readonly FenceRow[] = [
  guardAlone('kill', 'daemon killed', [goneAfterBlow]),
  guardAlone('stop', 'daemon stopped', [goneAfterDeadline, servedAfterDeadline]),
  guardAlone('block', 'event loop blocked', [goneAfterDeadline, servedAfterDeadline]),
  gateAlone('kill', 'daemon killed', 'netdev'),
  gateAlone('stop', 'daemon stopped', 'netdev'),
  gateAlone('block', 'event loop blocked', 'netdev'),
  gateAlone('kill', 'daemon killed', 'inet'),
  gateAlone('stop', 'daemon stopped', 'inet'),
  lifetimeIsLeft('kill', 'lifetime alone, daemon killed', ['guard', 'gate'], [goneAfterLifetime]),
  lifetimeIsLeft('kill-both', 'daemon and guard killed', [], BOTH),
  lifetimeIsLeft('stop-both', 'daemon and guard stopped', [], BOTH),
];
