import { type Action, plan } from '../core/plan/plan.ts';
import type { DataplaneState, LinkAddress } from '../core/plan/state.ts';
import type { Log } from '../telemetry/log.ts';

/**
 * What the reconciler acts on. Its observation is of the kernel and of the parts that act for it.
 */
export interface Dataplane<Observation> {
  observe(): Promise<Observation>;
  /**
   * Performs one action as far as it can.
   *
   * @returns what of it could not be done; the rest of it is done.
   */
  apply(action: Action): Promise<readonly ActionFailure[]>;
  /** Binds addresses that are bound already, for another lifetime. */
  refresh(addresses: readonly LinkAddress[]): Promise<readonly ActionFailure[]>;
}

/** A part of an action that the outside refused. */
export interface ActionFailure {
  /** The VIP or listener that it is about. */
  readonly subject: string;
  readonly error: Error;
}

/** What one round works from: what is, and what should be. */
export interface Round {
  readonly observed: DataplaneState;
  readonly desired: DataplaneState;
  /** Whether the desired state includes what only the holder of the right may serve. */
  readonly serving: boolean;
  /** Held addresses whose lifetime is due for another turn. */
  readonly refresh: readonly LinkAddress[];
}

/** What the reconciler needs of its composition. */
export interface ReconcilerPorts<Observation> {
  readonly dataplane: Dataplane<Observation>;
  readonly log: Log;
  /** Turns an observation into the round's two states, with the world as it is now. */
  round(observation: Observation): Round;
  /** Whether the right runs at this very moment. */
  mayServe(): boolean;
}

type Goal = (observed: DataplaneState) => boolean;

interface Waiter {
  readonly goal: Goal;
  readonly done: () => void;
}

/** What nothing may be added without. */
const COMES_FIRST: ReadonlySet<Action['kind']> = new Set([
  'delete-addresses',
  'guard-addresses',
  'arm-gate',
  'open-gate',
]);

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2000;
/** VIPs come in thousands, and fail together. */
const NAMED_MAX = 5;

/**
 * Brings the dataplane to the desired state and keeps it there: observe, plan, apply, one round at
 * a time. Whoever notices a change only wakes it; wake-ups that come during a round are one more
 * round.
 */
export class Reconciler<Observation> {
  readonly #ports: ReconcilerPorts<Observation>;
  readonly #waiters = new Set<Waiter>();
  #woken = false;
  #running = false;
  #stopped = false;
  #attempt = 0;
  /** What was seen last, when nothing was left to do; gone as soon as anything wakes it. */
  #settled: Observation | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = new Map<string, string>();
  /** Performed, and not in the log yet. */
  #untold: Action[] = [];

  constructor(ports: ReconcilerPorts<Observation>) {
    this.#ports = ports;
  }

  /** What could not be done in the last round, by VIP or listener. */
  get failures(): ReadonlyMap<string, string> {
    return this.#failures;
  }

  /** Asks for a round that begins after this call. */
  wake(): void {
    this.#settled = undefined;
    this.#begin();
  }

  /**
   * Asks for a round for which nothing has changed but the right to serve. It works from what the
   * last one saw, if nothing was left to do then and nothing has woken this since: to look again
   * costs a takeover its first milliseconds.
   */
  wakeWithRight(): void {
    this.#begin();
  }

  /**
   * Resolves once an observation that began after this call satisfies `goal`: what has been
   * confirmed by the kernel, not what was asked of it. Rounds go on until then.
   */
  reached(goal: Goal): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.add({ goal, done: resolve });
      this.wake();
    });
  }

  /** Ends after the round that is under way. Waiters stay unanswered: nothing was confirmed. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
  }

  #begin(): void {
    if (this.#stopped) return;
    this.#woken = true;
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    clearTimeout(this.#retry);
    while (this.#woken && !this.#stopped) {
      this.#woken = false;
      const outcome = await this.#reconcile();
      if (outcome === 'changed') this.#woken = true;
      else this.#pace(outcome === 'failed');
    }
    this.#running = false;
  }

  /** A failure is tried again after a pause that doubles; the kernel's events may cut it short. */
  #pace(failed: boolean): void {
    this.#attempt = failed ? this.#attempt + 1 : 0;
    if (!failed) return;
    const retryInMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#attempt - 1));
    this.#retry = setTimeout(() => this.wake(), retryInMs);
  }

  async #reconcile(): Promise<'settled' | 'changed' | 'failed'> {
    const settled = this.#settled;
    this.#settled = undefined;
    const asked = [...this.#waiters];
    let observation: Observation;
    try {
      const observing = settled ?? this.#ports.dataplane.observe();
      this.#tell();
      observation = await observing;
    } catch (err) {
      this.#report(new Map([['dataplane', errorOf(err)]]), undefined);
      return 'failed';
    }
    const round = this.#ports.round(observation);
    // Whoever waits to tell another node goes before what else there is to do here.
    if (this.#answer(asked, round.observed)) await new Promise((resolve) => setImmediate(resolve));
    const failures = new Map<string, Error>();
    let applied = 0;
    for (const action of plan(round.desired, round.observed)) {
      // The right may have ended since the round began: what arrives is dropped, and the next round
      // withdraws. The gap between this line and the kernel is closed by the verbs' own deadlines.
      if (round.serving && !this.#ports.mayServe()) return 'changed';
      const possible = without(action, failures);
      if (possible === undefined) continue;
      const done = await this.#apply(possible, failures);
      if (done) applied += 1;
      // What is to go and did not must be tried again before anything is added, and nothing is
      // added that is not fenced.
      else if (COMES_FIRST.has(action.kind)) break;
    }
    await this.#refresh(round, failures);
    this.#report(failures, round);
    if (failures.size > 0) return 'failed';
    if (applied > 0) return 'changed';
    if (!this.#woken) this.#settled = observation;
    return 'settled';
  }

  async #apply(action: Action, failures: Map<string, Error>): Promise<boolean> {
    const applying = this.#ports.dataplane
      .apply(action)
      .catch((error: unknown) => [{ subject: action.kind, error: errorOf(error) }]);
    this.#tell();
    const refused = await applying;
    for (const { subject, error } of refused) failures.set(subject, error);
    if (refused.length === 0) this.#untold.push(action);
    return refused.length === 0;
  }

  /**
   * Logs what was performed, while the outside is at work on what comes next: between two actions
   * of a takeover a line costs as much as the action.
   */
  #tell(): void {
    for (const action of this.#untold) this.#ports.log.info(describe(action), 'action applied');
    this.#untold = [];
  }

  /** In the same loop as everything else, so that no refresh can overtake a deletion. */
  async #refresh(round: Round, failures: Map<string, Error>): Promise<void> {
    if (round.refresh.length === 0 || !this.#ports.mayServe()) return;
    for (const { subject, error } of await this.#ports.dataplane.refresh(round.refresh)) {
      failures.set(subject, error);
    }
  }

  /** @returns whether somebody had waited for this. */
  #answer(asked: readonly Waiter[], observed: DataplaneState): boolean {
    const reached = asked.filter((waiter) => waiter.goal(observed));
    for (const waiter of reached) {
      this.#waiters.delete(waiter);
      waiter.done();
    }
    return reached.length > 0;
  }

  /** Logs each failure when it appears and when it is gone, not each time it is tried again. */
  #report(failures: ReadonlyMap<string, Error>, round: Round | undefined): void {
    const current = new Map([...failures].map(([subject, error]) => [subject, error.message]));
    const fresh = [...failures].filter(([subject, err]) => {
      return this.#failures.get(subject) !== err.message;
    });
    for (const [subject, err] of fresh.slice(0, NAMED_MAX)) {
      this.#ports.log.warn({ subject, err }, 'action failed; it is tried again');
    }
    const unnamed = fresh.length - NAMED_MAX;
    if (unnamed > 0) this.#ports.log.warn({ more: unnamed }, 'so did others, see status');
    const over = [...this.#failures.keys()].filter((subject) => !current.has(subject));
    if (round !== undefined && over.length > 0) {
      this.#ports.log.info(
        namesOf(over),
        over.length === 1 ? 'failure is over' : 'failures are over',
      );
    }
    this.#failures = current;
  }
}

/** Leaves out what rests on something that failed: no announcement without its address. */
function without(action: Action, failures: ReadonlyMap<string, Error>): Action | undefined {
  if (failures.size === 0) return action;
  if (action.kind === 'open-listeners') {
    const listeners = action.listeners.filter((listener) => !failures.has(listener.address));
    return { ...action, listeners };
  }
  if (action.kind === 'start-announcing') {
    const announcements = action.announcements.filter((item) => !failures.has(item.address));
    return announcements.length === 0 ? undefined : { ...action, announcements };
  }
  return action;
}

function describe(action: Action): Record<string, unknown> {
  return { action: action.kind, ...namesOf(subjects(action)) };
}

/** Up to three of the names; a log line for 10,000 VIPs is still a line. */
function namesOf(names: readonly string[]): Record<string, unknown> {
  const count = names.length;
  return count <= 3 ? { count, names } : { count, names: names.slice(0, 3), more: count - 3 };
}

function subjects(action: Action): readonly string[] {
  switch (action.kind) {
    case 'stop-announcing':
    case 'start-announcing':
      return action.announcements.map((item) => `${item.address} ${item.link}`);
    case 'close-listeners':
    case 'open-listeners':
      return action.listeners.map((listener) => listener.id);
    case 'open-gate':
      return [];
    case 'close-gate':
    case 'delete-addresses':
    case 'guard-addresses':
    case 'arm-gate':
    case 'add-addresses':
      return action.addresses.map((item) => `${item.address}/${item.prefixLength} ${item.link}`);
  }
}

/** What was thrown, as an error; everything that we throw is one. */
function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
