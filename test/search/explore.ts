/**
 * Breadth-first search through everything that a small model can do.
 *
 * A state is a plain value, equal states have equal JSON, and time is in it as what is left of
 * something, never as a date: so that a model that goes on for ever has finitely many states. The
 * first state that is wrong is reached by the fewest steps possible.
 */
export interface Model<State> {
  readonly start: State;
  /** Whatever may happen next, each with the words that a trace tells it in. */
  steps(state: State): Iterable<Step<State>>;
  /** What must never be, in words; undefined while all is well. */
  wrong(state: State): string | undefined;
}

export type Step<State> = readonly [name: string, next: State];

export interface Verdict {
  readonly states: number;
  /** The fewest steps to something wrong, its words last; undefined when nothing is wrong. */
  readonly trace: readonly string[] | undefined;
}

/** More than any search here needs: one that meets its bound has proven nothing, and says so. */
const STATES_MAX = 3_000_000;

export function explore<State>(model: Model<State>, statesMax = STATES_MAX): Verdict {
  const seen = new Set<string>([JSON.stringify(model.start)]);
  const states: State[] = [model.start];
  const cameFrom = [-1];
  const names = [''];
  const tell = (last: number, words: string): string[] => {
    const story = [words];
    for (let place = last; place > 0; place = cameFrom[place] ?? 0) story.push(names[place] ?? '');
    return story.toReversed();
  };
  // States that are found on the way come at the end, and are walked in their turn.
  for (const [place, state] of states.entries()) {
    const words = model.wrong(state);
    if (words !== undefined) return { states: states.length, trace: tell(place, words) };
    for (const [name, next] of model.steps(state)) {
      const key = JSON.stringify(next);
      if (seen.has(key)) continue;
      seen.add(key);
      states.push(next);
      cameFrom.push(place);
      names.push(name);
    }
    if (states.length > statesMax) throw new Error(`more than ${statesMax} states`);
  }
  return { states: states.length, trace: undefined };
}

/** `list` with the value at `place` replaced. */
export function replaced<Value>(list: readonly Value[], place: number, value: Value): Value[] {
  return list.map((old, index) => (index === place ? value : old));
}

/** One tick less of what is left, down to nothing. */
export function less(left: number): number {
  return Math.max(0, left - 1);
}
