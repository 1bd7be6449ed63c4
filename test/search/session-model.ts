/**
 * fencing.md B1: a node's session is one object, what it holds is another. N serves while it has
 * renewed its session in time; M takes over what N had when it believes N's session to be over.
 *
 * N's Lease lasts three ticks by M's clock and two by N's own. Requests and answers may be late.
 */
import { less, type Model, type Step } from './explore.ts';

export interface SessionRules {
  /** What M needs before it takes the claim by compare-and-swap on the claim. */
  readonly takes: 'seen-silent' | 'ended-by-cas';
  /** N renews no session that has lapsed by its own clock. */
  readonly neverRevived: boolean;
  /** M sees every renewal at once; else its watch may be silent for as long as it likes. */
  readonly promptWatch: boolean;
  /** N may begin another session, in another epoch; a claim names node and epoch. */
  readonly epochs: boolean;
}

interface State {
  /** Until when N may serve by the last renewal that it knows to have succeeded. */
  readonly right: number;
  /** How long ago the renewal was sent that is on its way; -1 for none. */
  readonly sent: number;
  /** Whether the API server has taken it; its answer is then on the way. */
  readonly taken: boolean;
  /** N's session by the API server. */
  readonly ended: boolean;
  /** The record that M looks at is still the newest, and how long M has seen it unchanged. */
  readonly seen: boolean;
  readonly silent: number;
  readonly epoch: number;
  readonly claim: 'N' | 'M';
}

const LEASE = 3;
const RENEW = 2;
const EPOCH_MAX = 2;

export function sessionModel(rules: SessionRules): Model<State> {
  function* renew(state: State): Iterable<Step<State>> {
    const { sent, taken, ended } = state;
    const may = state.right > 0 || !rules.neverRevived;
    if (sent < 0 && may) yield ['N sends a renewal', { ...state, sent: 0 }];
    if (sent >= 0 && !taken) {
      // With sessions that can be ended, a renewal is a compare-and-swap on the session.
      if (ended) yield ["N's renewal conflicts", { ...state, sent: -1 }];
      else {
        const watched = rules.promptWatch ? { seen: true, silent: 0 } : { seen: false };
        yield ['the renewal is stored', { ...state, taken: true, ...watched }];
      }
    }
    if (taken) {
      const right = Math.max(state.right, RENEW - sent);
      yield ['N hears that it was stored', { ...state, taken: false, sent: -1, right }];
    }
    if (rules.epochs && ended && state.epoch < EPOCH_MAX && sent < 0) {
      const begun = { epoch: state.epoch + 1, ended: false, seen: false, right: 0 };
      yield ['N begins a session in the next epoch', { ...state, ...begun }];
    }
  }

  function* take(state: State): Iterable<Step<State>> {
    if (!state.seen) yield ["M's watch catches up", { ...state, seen: true, silent: 0 }];
    const lapsed = state.silent >= LEASE;
    if (rules.takes === 'seen-silent') {
      if (lapsed && state.claim === 'N') yield ['M takes the claim', { ...state, claim: 'M' }];
      return;
    }
    if (lapsed && !state.ended) {
      if (state.seen) yield ["M ends N's session", { ...state, ended: true }];
      else yield ['M finds a newer record', { ...state, seen: true, silent: 0 }];
    }
    const over = state.ended || state.epoch > 0;
    if (over && state.claim === 'N') yield ['M takes the claim', { ...state, claim: 'M' }];
  }

  return {
    start: {
      right: RENEW,
      sent: -1,
      taken: false,
      ended: false,
      seen: true,
      silent: 0,
      epoch: 0,
      claim: 'N',
    },
    *steps(state) {
      yield* renew(state);
      yield* take(state);
      const sent = state.sent < 0 ? -1 : Math.min(state.sent + 1, RENEW);
      const silent = Math.min(state.silent + 1, LEASE);
      yield ['a tick', { ...state, sent, silent, right: less(state.right) }];
    },
    wrong({ right, claim, epoch }) {
      // In a later epoch N knows that the claim, which names the first, is not its own.
      const both = right > 0 && epoch === 0 && claim === 'M';
      return both ? 'M has the claim, and N serves by its session' : undefined;
    },
  };
}
