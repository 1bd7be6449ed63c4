/**
 * fencing.md A1, A2 and A4 with terms and votes, as Raft elects: what votes alone do not give, and
 * what a transfer of the leadership may release. Three voters, of which A and B stand.
 *
 * Messages as in promise-model.ts: to be received at any time while they are of use, also twice.
 */
import { less, type Model, replaced, type Step } from './explore.ts';

export interface VoteRules {
  /** What a process that starts abstains from for as long as a promise lasts. */
  readonly abstains: 'nothing' | 'votes' | 'all';
  /** Term and vote outlive the process. */
  readonly keepsVote: boolean;
  /** An acknowledgement binds against other leaders' heartbeats too, not only against votes. */
  readonly acknowledgementBinds: boolean;
  readonly restarts: number;
  readonly transfers: number;
  /**
   * A release excuses from the promise to that process of that leader in that term; or to any
   * process of the leader's; or from any promise at all.
   */
  readonly releases: 'process' | 'leader' | 'anybody';
  /** A candidate that acknowledges another leader stands no more. */
  readonly followerStandsDown: boolean;
  /** Who has transferred never serves again in that term; else it may go on when nothing comes. */
  readonly givesUpForGood: boolean;
  /**
   * Who transfers is promised to its successor, which counts that promise from before it was given;
   * or the successor counts it from when it hears of it; or it counts what nobody promised.
   */
  readonly promisesAhead: 'since-before' | 'since-heard' | 'not-kept';
}

interface GivenPromise {
  readonly to: number;
  readonly life: number;
  readonly term: number;
  readonly left: number;
}

/** Who has resigned: from which term, in which of its lives. */
interface Resigned {
  readonly term: number;
  readonly life: number;
  /** The process that it promises itself to, and what is left of that promise at the least. */
  readonly heir: number;
  readonly left: number;
}

interface Node {
  /** How often it has restarted. */
  readonly life: number;
  readonly term: number;
  readonly votedFor: number;
  readonly promise: GivenPromise | null;
  readonly abstains: number;
  /** Leads its term; a candidate else, while somebody has voted for it. */
  readonly leads: boolean;
  readonly votes: number;
  /** Acknowledgements of its one round of heartbeats, and how long ago that was sent. */
  readonly round: { readonly age: number; readonly given: number } | null;
  readonly right: number;
  /** The resignation that lets this node stand at once. */
  readonly released: Resigned | null;
}

interface State {
  readonly nodes: readonly Node[];
  readonly restarts: number;
  readonly transfers: number;
  /** The resignation that is on its way, for ever. */
  readonly resigned: Resigned | null;
}

const HOLD = 2;
const TERM_MAX = 4;
const NAMES = ['A', 'B', 'C'];
const CANDIDATES = [0, 1];
const NEW: Node = {
  life: 0,
  term: 0,
  votedFor: -1,
  promise: null,
  abstains: 0,
  leads: false,
  votes: 0,
  round: null,
  right: 0,
  released: null,
};
const name = (node: number): string => NAMES[node] ?? '';
/** A leader gives its right up when it enters a term; what a dead process left, nobody can. */
const rightKept = ({ leads, right }: Node): number => (leads ? 0 : right);
const isMajority = (mask: number): boolean => (mask & (mask - 1)) !== 0;

export function voteModel(rules: VoteRules): Model<State> {
  const change = (state: State, place: number, changed: Partial<Node>): State => {
    const node = { ...NEW, ...state.nodes[place], ...changed };
    return { ...state, nodes: replaced(state.nodes, place, node) };
  };
  const enter = (node: Node, term: number): Partial<Node> =>
    term > node.term
      ? {
          ...NEW,
          life: node.life,
          promise: node.promise,
          abstains: node.abstains,
          right: rightKept(node),
          term,
        }
      : {};

  function mayVote(
    voter: Node,
    candidate: number,
    term: number,
    released: Resigned | null,
  ): boolean {
    if (voter.abstains > 0 && rules.abstains !== 'nothing') return false;
    const { promise } = voter;
    if (promise === null || promise.to === candidate) return true;
    if (released === null) return false;
    if (rules.releases === 'anybody') return true;
    const sameTerm = promise.term === released.term && term === released.term + 1;
    const sameProcess = promise.life === released.life || rules.releases === 'leader';
    return promise.to === 0 && sameTerm && sameProcess;
  }

  function* candidacy(state: State, place: number, node: Node): Iterable<Step<State>> {
    const term = node.term + 1;
    if (node.leads || term > TERM_MAX || !mayVote(node, place, term, node.released)) return;
    const { released } = node;
    const stood = { ...enter(node, term), votedFor: place, votes: 1 << place, released };
    yield [`${name(place)} stands in term ${term}`, change(state, place, stood)];
    // Who resigned has voted for it: of three votes those are two.
    if (released?.term !== term - 1) return;
    const right = released.heir === node.life ? Math.max(node.right, released.left) : node.right;
    const leads = { leads: true, votes: 0, released: null, promise: null, right };
    const elected = { ...enter(node, term), votedFor: place, ...leads };
    yield [`A has voted: ${name(place)} leads term ${term}`, change(state, place, elected)];
  }

  function* votes(state: State, place: number, node: Node): Iterable<Step<State>> {
    if (node.leads || node.votes === 0) return;
    for (const [at, voter] of state.nodes.entries()) {
      if (at === place || node.term < voter.term) continue;
      if (voter.leads && voter.term === node.term) continue;
      const free = node.term > voter.term || voter.votedFor === -1 || voter.votedFor === place;
      const cedes = voter.votes !== 0 && node.term === voter.term && place < at;
      if (!(free || cedes) || !mayVote(voter, place, node.term, node.released)) continue;
      const voted = { ...enter(voter, node.term), votedFor: place, votes: 0, promise: null };
      const elected = { leads: true, votes: 0, released: null, promise: null };
      const next = change(change(state, at, voted), place, elected);
      yield [`${name(at)} votes: ${name(place)} leads term ${node.term}`, next];
    }
  }

  function* heartbeats(state: State, place: number, node: Node): Iterable<Step<State>> {
    if (!node.leads) return;
    const { round } = node;
    if (round === null) {
      const sent = { round: { age: 0, given: 1 << place } };
      yield [`${name(place)} sends heartbeats`, change(state, place, sent)];
      return;
    }
    for (const [at, voter] of state.nodes.entries()) {
      if (at === place || voter.term > node.term) continue;
      if (voter.leads && voter.term === node.term) continue;
      if (voter.abstains > 0 && rules.abstains === 'all') continue;
      const other = voter.promise !== null && voter.promise.to !== place;
      if (other && rules.acknowledgementBinds) continue;
      const promise = { to: place, life: node.life, term: node.term, left: HOLD };
      const given = round.given | (1 << at);
      const right = isMajority(given) ? Math.max(node.right, HOLD - round.age) : node.right;
      const kept = rules.followerStandsDown ? 0 : voter.votes;
      const followed = { votes: kept, ...enter(voter, node.term), promise };
      const bound = change(state, at, followed);
      const next = change(bound, place, { round: { ...round, given }, right });
      yield [`${name(at)} acknowledges ${name(place)}`, next];
    }
  }

  /** The guard outlives the process: its right runs to the end, whatever the new process knows. */
  function restart(state: State, place: number, node: Node): State {
    const kept = rules.keepsVote ? { term: node.term, votedFor: node.votedFor } : {};
    const { right } = node;
    const begun = { ...NEW, ...kept, life: node.life + 1, abstains: HOLD, right };
    const next = change(state, place, begun);
    return { ...next, restarts: state.restarts - 1 };
  }

  function* transfer(state: State): Iterable<Step<State>> {
    const [leader] = state.nodes;
    const heir = state.nodes[1];
    if (leader === undefined || heir === undefined) return;
    if (state.transfers > 0 && leader.leads && leader.right > 0) {
      const term = leader.term + 1;
      const promise = { to: 1, life: heir.life, term, left: HOLD };
      const ahead = {
        term,
        votedFor: 1,
        ...(rules.promisesAhead === 'not-kept' ? {} : { promise }),
      };
      const given = change(state, 0, { leads: false, round: null, right: 0, ...ahead });
      const resigned = { term: leader.term, life: leader.life, heir: heir.life, left: HOLD };
      const next = { ...given, resigned, transfers: state.transfers - 1 };
      yield ['A withdraws and hands over to B', next];
    }
    const { resigned } = state;
    if (resigned === null) return;
    const same = leader.term === resigned.term + 1 && leader.life === resigned.life;
    const resumes = same && !leader.leads;
    if (!rules.givesUpForGood && resumes) {
      const words = 'A takes the transfer for lost, and goes on leading';
      yield [words, change(state, 0, { leads: true, term: resigned.term })];
    }
    const known = rules.releases === 'anybody' || heir.term === resigned.term;
    if (!heir.leads && heir.votes === 0 && known && heir.released === null) {
      const words = `B hears that A resigned from term ${resigned.term}`;
      yield [words, change(state, 1, { released: resigned })];
    }
  }

  return {
    start: {
      nodes: [NEW, NEW, NEW],
      restarts: rules.restarts,
      transfers: rules.transfers,
      resigned: null,
    },
    *steps(state) {
      for (const [place, node] of state.nodes.entries()) {
        if (CANDIDATES.includes(place)) {
          yield* candidacy(state, place, node);
          yield* votes(state, place, node);
          yield* heartbeats(state, place, node);
        }
        if (state.restarts > 0) yield [`${name(place)} restarts`, restart(state, place, node)];
      }
      yield* transfer(state);
      // What is on its way ages by its sender's promise, heard or not.
      const ages = rules.promisesAhead !== 'since-heard';
      const resigned = ages ? older(state.resigned) : state.resigned;
      yield ['a tick', { ...state, resigned, nodes: state.nodes.map(tick) }];
    },
    wrong({ nodes }) {
      const holders = nodes.flatMap(({ right }, place) => (right > 0 ? [name(place)] : []));
      return holders.length > 1 ? `${holders.join(' and ')} have the right at once` : undefined;
    },
  };
}

function older(resigned: Resigned | null): Resigned | null {
  return resigned === null ? null : { ...resigned, left: less(resigned.left) };
}

function tick(node: Node): Node {
  const { promise, round } = node;
  return {
    ...node,
    released: older(node.released),
    promise: promise !== null && promise.left > 1 ? { ...promise, left: promise.left - 1 } : null,
    round: round !== null && round.age + 1 < HOLD ? { ...round, age: round.age + 1 } : null,
    abstains: less(node.abstains),
    right: less(node.right),
  };
}
