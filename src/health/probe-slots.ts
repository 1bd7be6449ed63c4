/** Whose turn it is, when more probes are due than may run at once. */

interface Waiting {
  readonly run: () => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Runs a bounded number of probes at once. Load balancers take turns, so that one whose thousand
 * backends all keep silent delays the others' probes by one of its own, not by a thousand. No more
 * wait than there are backends: each has one probe at a time.
 */
export class ProbeSlots {
  readonly #limit: number;
  /** In the order of their turns; none is empty. */
  readonly #queues = new Map<string, Set<Waiting>>();
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Runs `run`, which must not reject, as soon as it is its turn; not at all when `signal` is
   * aborted before.
   */
  take(owner: string, run: () => Promise<void>, signal: AbortSignal): void {
    const queue = this.#queues.get(owner) ?? new Set();
    queue.add({ run, signal });
    this.#queues.set(owner, queue);
    this.#fill();
  }

  #fill(): void {
    while (this.#running < this.#limit) {
      const next = this.#next();
      if (next === undefined) return;
      if (next.signal.aborted) continue;
      this.#running += 1;
      void next.run().finally(() => {
        this.#running -= 1;
        this.#fill();
      });
    }
  }

  /** The first of the owner whose turn it is, who then goes to the end. */
  #next(): Waiting | undefined {
    const [turn] = this.#queues;
    if (turn === undefined) return undefined;
    const [owner, queue] = turn;
    const [waiting] = queue;
    this.#queues.delete(owner);
    if (waiting !== undefined) queue.delete(waiting);
    if (queue.size > 0) this.#queues.set(owner, queue);
    return waiting;
  }
}
