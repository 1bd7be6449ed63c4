/**
 * fencing.md D: daemon and guard of one node at the deadline page, and the node that their
 * resignation lets in. Either may stand still between any two steps.
 */
import { less, type Model, type Step } from './explore.ts';

export interface GuardRules {
  /** Deadline and firing replace each other by compare-and-swap, not by a store. */
  readonly compareAndSwap: boolean;
  /** The addresses are gone before anybody is told. */
  readonly withdrawsFirst: boolean;
}

interface State {
  /** What is left of the right by the page; 'fired' is for good. */
  readonly page: number | 'fired';
  readonly bound: boolean;
  /** The daemon has heard an acknowledgement, and is about to move the deadline on. */
  readonly extending: boolean;
  /** The guard has seen the deadline pass. */
  readonly firing: boolean;
  readonly told: boolean;
  readonly otherServes: boolean;
}

const RIGHT = 2;

export function guardModel(rules: GuardRules): Model<State> {
  function* extend(state: State): Iterable<Step<State>> {
    const { page } = state;
    if (!state.extending) {
      if (page !== 'fired') yield ['an acknowledgement reaches A', { ...state, extending: true }];
      return;
    }
    const over = page === 'fired' || page === 0;
    if (over && rules.compareAndSwap)
      yield ["A's new deadline is refused", { ...state, extending: false }];
    else yield ['A stores a new deadline', { ...state, extending: false, page: RIGHT }];
  }

  function* fire(state: State): Iterable<Step<State>> {
    const { page, firing } = state;
    if (page === 0 && !firing) yield ['the guard sees it pass', { ...state, firing: true }];
    if (firing && page !== 'fired') {
      const missed = rules.compareAndSwap && page > 0;
      if (missed) yield ['the guard finds a newer deadline', { ...state, firing: false }];
      else yield ['the guard fires', { ...state, page: 'fired' }];
    }
    if (firing && (page === 'fired' || !rules.compareAndSwap)) yield* withdraw(state);
  }

  function* withdraw(state: State): Iterable<Step<State>> {
    if (state.bound) yield ['the guard deletes the addresses', { ...state, bound: false }];
    const may = !rules.withdrawsFirst || !state.bound;
    if (may && !state.told) yield ['the guard resigns for A', { ...state, told: true }];
  }

  return {
    start: {
      page: RIGHT,
      bound: true,
      extending: false,
      firing: false,
      told: false,
      otherServes: false,
    },
    *steps(state) {
      yield* extend(state);
      yield* fire(state);
      const { page, bound } = state;
      const may = typeof page === 'number' && page > 0 && !bound;
      if (may) yield ['A binds the addresses', { ...state, bound: true }];
      if (state.told && !state.otherServes) {
        yield ['B is elected at once, and serves', { ...state, otherServes: true }];
      }
      if (page !== 'fired') yield ['a tick', { ...state, page: less(page) }];
    },
    wrong({ bound, otherServes }) {
      return bound && otherServes ? 'B serves, and A has the addresses' : undefined;
    },
  };
}
