/**
 * fencing.md A5: which lists of voters may meet. Time stands still: each voter helps one node and
 * no other, and a node leads with the help of a majority of the list that it has itself.
 */
import { type Model, replaced } from './explore.ts';

export interface ListRules {
  /** The lists as they come one after the other, a letter a node. */
  readonly lists: readonly string[];
  /** Helps a node with the same list; or with one that differs in one voter; or with any. */
  readonly helps: 'same' | 'within-one' | 'any';
  /** When a node may go on to the next list: whenever it likes, or all together, having stopped. */
  readonly changes: 'each' | 'all-stopped';
}

interface State {
  /** The list that each node has, by its number. */
  readonly lists: readonly number[];
  /** Whom it helps; '' for nobody. */
  readonly helps: readonly string[];
}

export function listModel(rules: ListRules): Model<State> {
  const nodes = [...new Set(Array.from(rules.lists.join('')))].sort();
  const listOf = (state: State, node: string): string =>
    rules.lists[state.lists[nodes.indexOf(node)] ?? 0] ?? '';

  function mayHelp(own: string, other: string): boolean {
    if (rules.helps === 'any') return true;
    const differ = Array.from(own + other).filter(
      (node) => own.includes(node) !== other.includes(node),
    );
    return differ.length <= (rules.helps === 'same' ? 0 : 1);
  }

  function leads(state: State, node: string): boolean {
    const list = Array.from(listOf(state, node));
    const backers = list.filter((voter) => state.helps[nodes.indexOf(voter)] === node);
    return list.includes(node) && backers.length > list.length / 2;
  }

  return {
    start: { lists: nodes.map(() => 0), helps: nodes.map(() => '') },
    *steps(state) {
      for (const [place, voter] of nodes.entries()) {
        for (const node of ['A', 'B']) {
          if (state.helps[place] !== '' || !listOf(state, node).includes(voter)) continue;
          if (!mayHelp(listOf(state, voter), listOf(state, node))) continue;
          const helps = replaced(state.helps, place, node);
          yield [voter === node ? `${node} stands` : `${voter} helps ${node}`, { ...state, helps }];
        }
        const next = (state.lists[place] ?? 0) + 1;
        if (rules.changes !== 'each' || next >= rules.lists.length) continue;
        const lists = replaced(state.lists, place, next);
        yield [`${voter} is given the list ${rules.lists[next]}`, { ...state, lists }];
      }
      const next = (state.lists[0] ?? 0) + 1;
      if (rules.changes !== 'all-stopped' || next >= rules.lists.length) return;
      const fresh = { lists: nodes.map(() => next), helps: nodes.map(() => '') };
      yield [`all stop, and start with ${rules.lists[next]}`, fresh];
    },
    wrong(state) {
      const both = leads(state, 'A') && leads(state, 'B');
      return both ? 'A and B each have a majority of their own list' : undefined;
    },
  };
}
