/**
 * fencing.md A1 to A3, without any election: whoever likes asks for everybody's promise at any
 * time, nothing is stored, and still no two have a right. This is the argument of PaxosLease.
 *
 * A round is asked once. While it is younger than a promise, each voter may receive it and the
 * asker each answer at any moment, again, or never: that is loss, delay and duplication. Whoever
 * restarts keeps its right to the end, as a node does that died together with its guard.
 */
import { less, type Model, replaced, type Step } from './explore.ts';

export interface PromiseRules {
  /** How long each node's promises last when it asks; also the longest that it gives. */
  readonly holds: readonly number[];
  /** So many nodes, from the first, ask for promises; the others only give them. */
  readonly askers: number;
  readonly restartAbstains: boolean;
  /** One promise at a time: while it lasts, nobody else is acknowledged. */
  readonly acknowledgementBinds: boolean;
  /** A promise that is longer than a node's own is refused, not shortened. */
  readonly refusesLongHold: boolean;
  /** The right counts from when the round was sent, not from when the answer came. */
  readonly countsFromSending: boolean;
  /** An asker's clock may stand still for one tick of `slowBy`; 0: all clocks are alike. */
  readonly slowBy: number;
  /** How much shorter than the promise the right is, for that. */
  readonly margin: number;
}

interface Voter {
  readonly to: number;
  readonly left: number;
  readonly abstains: number;
}

interface Round {
  readonly age: number;
  /** Who acknowledged, and whose acknowledgement has come back: a bit a voter. */
  readonly given: number;
  readonly counted: number;
}

interface Asker {
  readonly round: Round | null;
  readonly right: number;
  /** Ticks until its clock may stand still again. */
  readonly steady: number;
}

interface State {
  readonly voters: readonly Voter[];
  readonly askers: readonly Asker[];
}

const FREE: Voter = { to: -1, left: 0, abstains: 0 };
const NAMES = ['A', 'B', 'C'];
const name = (node: number): string => NAMES[node] ?? '';

export function promiseModel(rules: PromiseRules): Model<State> {
  const { holds } = rules;
  const majority = Math.floor(holds.length / 2) + 1;
  const hold = (node: number): number => holds[node] ?? 0;

  function gives(state: State, voter: number, asker: number): State | undefined {
    const { to, left, abstains } = state.voters[voter] ?? FREE;
    if (abstains > 0) return undefined;
    if (rules.acknowledgementBinds && left > 0 && to !== asker) return undefined;
    if (rules.refusesLongHold && hold(asker) > hold(voter)) return undefined;
    const until = Math.min(hold(asker), hold(voter));
    const promised: Voter = { to: asker, left: until, abstains: 0 };
    return { ...state, voters: replaced(state.voters, voter, promised) };
  }

  function* asks(state: State, node: number, asker: Asker): Iterable<Step<State>> {
    const promised = gives(state, node, node);
    if (promised === undefined) return;
    const round: Round = { age: 0, given: 1 << node, counted: 1 << node };
    const askers = replaced(state.askers, node, { ...asker, round });
    yield [`${name(node)} asks for promises`, { ...promised, askers }];
  }

  function* answers(state: State, node: number, asker: Asker): Iterable<Step<State>> {
    const { round } = asker;
    if (round === null) return;
    for (const voter of holds.keys()) {
      const bit = 1 << voter;
      if (voter === node) continue;
      const promised = gives(state, voter, node);
      if (promised !== undefined) {
        const answered = { ...asker, round: { ...round, given: round.given | bit } };
        const askers = replaced(state.askers, node, answered);
        yield [`${name(voter)} acknowledges ${name(node)}`, { ...promised, askers }];
      }
      if ((round.given & bit) === 0 || (round.counted & bit) !== 0) continue;
      const counted = round.counted | bit;
      const lasts = hold(node) - rules.margin - (rules.countsFromSending ? round.age : 0);
      const right = bits(counted) >= majority ? Math.max(asker.right, lasts) : asker.right;
      const told = { ...asker, round: { ...round, counted }, right };
      const words = `${name(node)} hears ${name(voter)}'s acknowledgement`;
      yield [words, { ...state, askers: replaced(state.askers, node, told) }];
    }
  }

  function restart(state: State, node: number): State {
    const abstains = rules.restartAbstains ? hold(node) : 0;
    const voters = replaced(state.voters, node, { ...FREE, abstains });
    const asker = state.askers[node];
    if (asker === undefined) return { ...state, voters };
    return { voters, askers: replaced(state.askers, node, { ...asker, round: null }) };
  }

  /** A tick of true time; `slow`: whose clock does not show it. */
  function tick(state: State, slow: number): State {
    const voters = state.voters.map(({ to, left, abstains }) =>
      left <= 1 ? { ...FREE, abstains: less(abstains) } : { to, left: left - 1, abstains },
    );
    const askers = state.askers.map(({ round, right, steady }, node) => {
      if (node === slow) return { round, right, steady: rules.slowBy - 1 };
      const age = (round?.age ?? 0) + 1;
      const kept = round !== null && age < hold(node) ? { ...round, age } : null;
      return { round: kept, right: less(right), steady: less(steady) };
    });
    return { voters, askers };
  }

  return {
    start: {
      voters: holds.map(() => FREE),
      askers: holds.slice(0, rules.askers).map(() => ({ round: null, right: 0, steady: 0 })),
    },
    *steps(state) {
      for (const [node, asker] of state.askers.entries()) {
        yield* asks(state, node, asker);
        yield* answers(state, node, asker);
        const mayLag = rules.slowBy > 0 && asker.steady === 0;
        if (mayLag) yield [`a tick; ${name(node)}'s clock does not show it`, tick(state, node)];
      }
      for (const node of holds.keys()) yield [`${name(node)} restarts`, restart(state, node)];
      yield ['a tick', tick(state, -1)];
    },
    wrong({ askers }) {
      const holders = askers.flatMap(({ right }, node) => (right > 0 ? [name(node)] : []));
      return holders.length > 1 ? `${holders.join(' and ')} have the right at once` : undefined;
    },
  };
}

function bits(mask: number): number {
  let count = 0;
  for (let left = mask; left !== 0; left &= left - 1) count += 1;
  return count;
}
