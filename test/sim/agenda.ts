/**
 * What is to happen, and when: a binary heap. Of two acts at one time, the first put in is first.
 */
export class Agenda {
  readonly #acts: Act[] = [];
  #count = 0;
  now = 0;

  at(time: number, run: () => void): void {
    const act: Act = { time: Math.max(time, this.now), order: this.#count, run };
    this.#count += 1;
    const acts = this.#acts;
    let place = acts.length;
    acts.push(act);
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#act(above);
      if (!isBefore(act, parent)) break;
      acts[place] = parent;
      place = above;
    }
    acts[place] = act;
  }

  after(delay: number, run: () => void): void {
    this.at(this.now + delay, run);
  }

  /** Lets everything happen that is due up to `end`, unless `stop` says so before. */
  runUntil(end: number, stop: () => boolean): void {
    for (;;) {
      const first = this.#acts[0];
      if (first === undefined || first.time > end || stop()) break;
      this.#removeFirst();
      this.now = first.time;
      first.run();
    }
    if (!stop()) this.now = end;
  }

  #removeFirst(): void {
    const acts = this.#acts;
    const last = acts.pop();
    const length = acts.length;
    if (last === undefined || length === 0) return;
    let place = 0;
    for (;;) {
      let below = place * 2 + 1;
      if (below >= length) break;
      if (below + 1 < length && isBefore(this.#act(below + 1), this.#act(below))) below += 1;
      if (!isBefore(this.#act(below), last)) break;
      acts[place] = this.#act(below);
      place = below;
    }
    acts[place] = last;
  }

  #act(place: number): Act {
    const act = this.#acts[place];
    if (act === undefined) throw new RangeError(`Cannot find the act at ${place}`);
    return act;
  }
}

interface Act {
  readonly time: number;
  readonly order: number;
  readonly run: () => void;
}

function isBefore(one: Act, other: Act): boolean {
  return one.time < other.time || (one.time === other.time && one.order < other.order);
}
