/**
 * fencing.md C6 and C7: one node's gate against the deadline, and the node that begins after it.
 *
 * The keeper looks at the clock, sends a frame, and the frame takes effect: between any two of
 * these the process, or the kernel, may stand still for as long as it likes. Every step but a tick
 * takes no time, and a tick may come before any of them.
 */
import { less, type Model, type Step } from './explore.ts';

export interface GateRules {
  /** Renewed only while the deadline is two time-outs away; else: while it has not passed. */
  readonly twoTimeouts: boolean;
  /** Each frame that may be under way still asks for one time-out more. */
  readonly countsUnderWay: boolean;
  /** A renewal extends an element that lives, and makes none. */
  readonly livingOnly: boolean;
  /** Opening takes a ticket, that was in effect before the clock was looked at. */
  readonly ticket: boolean;
  /** Opening is a transaction that carries what was left at the look at the clock. */
  readonly relative: boolean;
}

interface State {
  /** Of the holder's right, until its deadline. */
  readonly deadline: number;
  /** What is left of the element without which nothing is served. */
  readonly element: number;
  readonly ticket: number;
  /** Renewals that were sent and have not taken effect. */
  readonly renewals: number;
  readonly opening: Opening;
  /** What the opening's transaction will set. */
  readonly carried: number;
  readonly otherServes: boolean;
}

type Opening = 'none' | 'ticket-sent' | 'ticket-known' | 'looked' | 'sent';

const TIMEOUT = 2;
const TICKET = 1;
const RIGHT = 9;
const FRAMES_MAX = 3;

export function gateModel(rules: GateRules): Model<State> {
  function* renew(state: State): Iterable<Step<State>> {
    const underWay = rules.countsUnderWay ? state.renewals : 0;
    const enough = rules.twoTimeouts ? (2 + underWay) * TIMEOUT : 1;
    const free = state.renewals < FRAMES_MAX;
    // What it saw when it looked is all that the frame means: so looking and sending are one step,
    // and whatever stops in between is a frame that takes effect late.
    const alive = state.element > 0;
    if (alive && free && state.opening === 'none' && state.deadline >= enough) {
      yield ['A looks at the clock and renews', { ...state, renewals: state.renewals + 1 }];
    }
    if (state.renewals > 0) {
      const extending = state.element > 0 || !rules.livingOnly;
      const element = extending ? TIMEOUT : 0;
      yield ['the renewal takes effect', { ...state, renewals: state.renewals - 1, element }];
    }
  }

  function* open(state: State): Iterable<Step<State>> {
    const { opening, deadline } = state;
    const idle = state.element === 0 && state.renewals === 0;
    if (opening === 'none' && idle && deadline > 0) {
      if (rules.ticket) yield ['A sends for a ticket', { ...state, opening: 'ticket-sent' }];
      else yield* look(state);
    }
    if (opening === 'ticket-sent') {
      yield ['the ticket is valid', { ...state, opening: 'ticket-known', ticket: TICKET }];
    }
    if (opening === 'ticket-known') yield* look(state);
    if (opening === 'looked') yield ['A sends the opening', { ...state, opening: 'sent' }];
    if (opening === 'sent') yield opened(state);
  }

  function* look(state: State): Iterable<Step<State>> {
    const { deadline } = state;
    if (deadline >= 2 * TICKET) {
      yield ['A looks at the clock', { ...state, opening: 'looked', carried: deadline }];
    } else {
      yield ['A looks at the clock, and leaves it', { ...state, opening: 'none' }];
    }
  }

  function opened(state: State): Step<State> {
    const valid = !rules.ticket || state.ticket > 0;
    const lasts = rules.relative ? state.carried : TICKET;
    const element = valid ? lasts : state.element;
    const words = valid ? 'the gate opens' : 'the opening finds no ticket';
    return [words, { ...state, opening: 'none', carried: 0, element }];
  }

  return {
    start: {
      deadline: RIGHT,
      element: 0,
      ticket: 0,
      renewals: 0,
      opening: 'none',
      carried: 0,
      otherServes: false,
    },
    *steps(state) {
      yield* renew(state);
      yield* open(state);
      if (state.deadline > 0 && state.deadline < RIGHT) {
        yield ["A's right is extended", { ...state, deadline: RIGHT }];
      }
      if (state.deadline === 0 && !state.otherServes) {
        yield ["B serves: A's right is over", { ...state, otherServes: true }];
      }
      const { deadline, element, ticket } = state;
      const later = { deadline: less(deadline), element: less(element), ticket: less(ticket) };
      yield ['a tick', { ...state, ...later }];
    },
    wrong({ element, otherServes }) {
      return element > 0 && otherServes ? "B serves, and A's gate is open" : undefined;
    },
  };
}
