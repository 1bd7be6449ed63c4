/**
 * fencing.md B5: what may keep a holder serving that has lost the API server. A holds; B can take
 * the Lease, or be elected by the majority that it makes with C.
 */
import { less, type Model } from './explore.ts';

/** Who decides for A while the API server is out of its reach. */
export type Decider = 'lease' | 'nobody-contests' | 'raft';

interface State {
  /** A's connections that are cut. */
  readonly api: boolean;
  readonly b: boolean;
  readonly c: boolean;
  /** What is left of A's right by the Lease, and by the promises of a majority. */
  readonly lease: number;
  readonly promises: number;
  readonly contestHeard: boolean;
  readonly otherServes: boolean;
}

const LASTS = 2;

export function apiLossModel(decider: Decider): Model<State> {
  const serves = ({ api, lease, promises, contestHeard }: State): boolean => {
    if (decider === 'raft') return promises > 0;
    if (lease > 0) return true;
    return decider === 'nobody-contests' && api && !contestHeard;
  };
  return {
    start: {
      api: false,
      b: false,
      c: false,
      lease: LASTS,
      promises: LASTS,
      contestHeard: false,
      otherServes: false,
    },
    *steps(state) {
      if (!state.api) yield ['A is cut off from the API server', { ...state, api: true }];
      if (!state.b) yield ['A is cut off from B', { ...state, b: true }];
      if (!state.c) yield ['A is cut off from C', { ...state, c: true }];
      if (!state.api && !state.otherServes) yield ['A renews', { ...state, lease: LASTS }];
      const follows = (!state.b || !state.c) && !state.otherServes;
      if (follows) yield ['a peer acknowledges A', { ...state, promises: LASTS }];
      const may = decider === 'raft' ? state.promises === 0 : state.lease === 0;
      // With Lease and heartbeats both, B says so as soon as it holds, if A can hear it.
      const told = { otherServes: true, contestHeard: !state.b };
      if (may && !state.otherServes) yield ['B takes over, and serves', { ...state, ...told }];
      const later = { lease: less(state.lease), promises: less(state.promises) };
      yield ['a tick', { ...state, ...later }];
    },
    wrong(state) {
      return state.otherServes && serves(state) ? 'A and B serve' : undefined;
    },
  };
}
