/**
 * fencing.md B2 and B3: what is assigned as one, and how it moves from N to M by tables, one a
 * node, that an elected assigner writes. X was elected first and wants M; Y comes after it and
 * wants N. X may learn late that it is the assigner no more.
 */
import { type Model, replaced, type Step } from './explore.ts';

export interface AssignmentRules {
  /** M's table gets the group only when N has acknowledged the table without it. */
  readonly awaitsAcknowledgement: boolean;
  /** Who is elected first puts its term into every table: late writes of others conflict. */
  readonly raisesTerm: boolean;
}

interface Table {
  readonly version: number;
  readonly term: number;
  readonly listed: boolean;
  /** The version that the node has applied, and what it serves by it; what it has acknowledged. */
  readonly applied: number;
  readonly serves: boolean;
  readonly acknowledged: number;
}

interface Write {
  readonly table: number;
  readonly version: number;
  readonly listed: boolean;
}

interface Assigner {
  readonly term: number;
  readonly elected: boolean;
  readonly raised: number;
  readonly write: Write | null;
}

interface State {
  readonly tables: readonly Table[];
  readonly assigners: readonly Assigner[];
}

const VERSION_MAX = 6;
const NODES = ['N', 'M'];
const ASSIGNERS = ['X', 'Y'];

const startingTable = (version: number, listed: boolean): Table => ({
  version,
  term: 1,
  listed,
  applied: version,
  serves: listed,
  acknowledged: version,
});

export function assignmentModel(rules: AssignmentRules): Model<State> {
  /** What it would write next, for the group to be in `wanted` alone. */
  function decide(state: State, { term }: Assigner, wanted: number): Write | undefined {
    if (rules.raisesTerm && state.tables.some((other) => other.term > term)) return undefined;
    const to = state.tables[wanted];
    const from = state.tables[1 - wanted];
    if (to === undefined || from === undefined || to.listed) return undefined;
    if (from.listed) return { table: 1 - wanted, version: from.version, listed: false };
    const gone = !rules.awaitsAcknowledgement || from.acknowledged === from.version;
    return gone ? { table: wanted, version: to.version, listed: true } : undefined;
  }

  function* assign(state: State, place: number, assigner: Assigner): Iterable<Step<State>> {
    const set = (changed: Partial<Assigner>): State => ({
      ...state,
      assigners: replaced(state.assigners, place, { ...assigner, ...changed }),
    });
    const who = ASSIGNERS[place] ?? '';
    if (!assigner.elected) return yield [`${who} is elected`, set({ elected: true })];
    if (rules.raisesTerm && place === 1 && assigner.raised < NODES.length) {
      const old = state.tables[assigner.raised];
      if (old === undefined) return;
      const raised = { ...old, term: assigner.term, version: old.version + 1 };
      const next = set({ raised: assigner.raised + 1 });
      const told = `${who} puts its term into ${NODES[assigner.raised]}'s table`;
      yield [told, { ...next, tables: replaced(next.tables, assigner.raised, raised) }];
      return;
    }
    const { write } = assigner;
    if (write === null) {
      const decided = decide(state, assigner, 1 - place);
      if (decided === undefined || decided.version >= VERSION_MAX) return;
      yield [`${who} decides: ${words(decided)}`, set({ write: decided })];
      return;
    }
    const old = state.tables[write.table];
    if (old === undefined || old.version !== write.version) {
      yield [`${who}'s write conflicts`, set({ write: null })];
      return;
    }
    const written = { ...old, version: old.version + 1, listed: write.listed };
    const next = set({ write: null });
    const stored = { ...next, tables: replaced(next.tables, write.table, written) };
    yield [`${who} writes: ${words(write)}`, stored];
  }

  return {
    start: {
      tables: [startingTable(0, true), startingTable(0, false)],
      assigners: [1, 2].map((term) => ({ term, elected: false, raised: 0, write: null })),
    },
    *steps(state) {
      for (const [place, assigner] of state.assigners.entries()) {
        yield* assign(state, place, assigner);
      }
      for (const [place, old] of state.tables.entries()) {
        const set = (changed: Partial<Table>): State => ({
          ...state,
          tables: replaced(state.tables, place, { ...old, ...changed }),
        });
        const behind = old.applied !== old.version;
        const applied = set({ applied: old.version, serves: old.listed });
        if (behind) yield [`${NODES[place]} applies its table`, applied];
        const acknowledged = set({ acknowledged: old.applied });
        const news = old.acknowledged !== old.applied;
        if (news) yield [`${NODES[place]} acknowledges it`, acknowledged];
      }
    },
    wrong({ tables }) {
      return tables.every(({ serves }) => serves) ? 'N and M serve the group' : undefined;
    },
  };
}

function words({ table, listed }: Write): string {
  return listed ? `into ${NODES[table]}'s table` : `out of ${NODES[table]}'s table`;
}

/** Two Services, S and T, that share an address, and which of two nodes each of them is given. */
interface Shared {
  readonly given: readonly string[];
}

/** @param unit what is elected as one: a Service, or all Services that share an address. */
export function sharedAddressModel(unit: 'service' | 'group'): Model<Shared> {
  return {
    start: { given: ['', ''] },
    *steps({ given }) {
      for (const node of NODES) {
        if (unit === 'group') {
          if (given[0] === '') yield [`${node} is elected for S and T`, { given: [node, node] }];
          continue;
        }
        for (const [place, service] of ['S', 'T'].entries()) {
          if (given[place] !== '') continue;
          yield [`${node} is elected for ${service}`, { given: replaced(given, place, node) }];
        }
      }
    },
    wrong({ given }) {
      const [one, other] = given;
      const two = one !== '' && other !== '' && one !== other;
      return two ? 'two nodes serve the address that S and T share' : undefined;
    },
  };
}
