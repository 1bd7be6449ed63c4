/**
 * The health of one load balancer's backends: whom to probe when, and what each is worth.
 *
 * Every method is a step: it takes the time, and returns what is to be done. The same steps with
 * the same seed give the same results. Unlike other machines of core it keeps its state instead of
 * returning the next one: a thousand backends have hundreds of findings a second, and each costs
 * the one backend it is about, not a copy of all. All of them are looked at when the list or a
 * verdict changes, and at each wake-up.
 */
import type { IpAddress } from '../address/ip.ts';
import { draw, type Prng, seedPrng } from '../prng.ts';
import { type Instant, NEVER } from '../time.ts';
import {
  type BackendHealth,
  type HealthRule,
  isInTransition,
  isUsable,
  judge,
  nextRampAt,
  unknownHealth,
  weightOf,
} from './backend.ts';
import { type Check, type Finding, isSameCheck } from './check.ts';
import { isPanic } from './panic.ts';

export interface HealthOptions extends HealthRule {
  /** From the beginning of a probe to the beginning of the next, give or take a tenth. */
  readonly intervalMs: number;
  /**
   * The interval while the last findings speak against the state (HAProxy's `fastinter`): a dead
   * backend is found out sooner, and the others are not asked more often for it.
   */
  readonly fastIntervalMs: number;
  /** How long a backend that was unhealthy takes to come to its full weight; 0: at once. */
  readonly slowStartMs: number;
  /** See `isPanic`. */
  readonly panicPercent: number;
}

/** What applies where nothing else is said: HAProxy's rise, fall and interval, Envoy's panic. */
export const HEALTH_OPTIONS: HealthOptions = {
  rise: 2,
  fall: 3,
  intervalMs: 2000,
  fastIntervalMs: 500,
  slowStartMs: 0,
  panicPercent: 50,
};

export interface WatchedBackend {
  /** Names address and port, and so this backend among those of its load balancer. */
  readonly id: string;
  readonly address: IpAddress;
  readonly port: number;
  /** An integer; 0 for a backend that is being drained, which is probed, and never chosen. */
  readonly weight: number;
}

export interface BalancerHealthConfig {
  readonly check: Check;
  readonly options: HealthOptions;
  /** Of two with the same id the later one counts. */
  readonly backends: readonly WatchedBackend[];
}

/** A probe that is to be started. */
export interface ProbeStart {
  /** Different from that of every other probe of this machine. */
  readonly ticket: number;
  readonly backend: WatchedBackend;
  readonly check: Check;
}

/** What each backend is worth now, by its id. */
export interface Weights {
  readonly weights: ReadonlyMap<string, number>;
  /** Health is being ignored. */
  readonly panic: boolean;
}

/** A change that is worth a line of the log. The first passed probe of a backend is none. */
export type HealthEvent =
  | {
      readonly kind: 'turned-healthy' | 'turned-unhealthy';
      readonly id: string;
      /** What the last probe found. */
      readonly reason: string;
      /** How long it was in the state before. */
      readonly afterMs: number;
    }
  | {
      readonly kind: 'panic-began' | 'panic-ended';
      readonly usable: number;
      readonly all: number;
    };

export interface HealthStep {
  readonly probes: readonly ProbeStart[];
  /** Tickets of probes that nobody waits for any more. */
  readonly abandoned: readonly number[];
  /** All weights, when any of them or `panic` is other than before; else undefined. */
  readonly changed: Weights | undefined;
  readonly events: readonly HealthEvent[];
  /** When `wake` is due; NEVER while there are no backends, or all of them are being probed. */
  readonly wakeAt: Instant;
}

/** What is to be told of one backend. */
export interface BackendReport extends BackendHealth {
  readonly id: string;
  /** The effective one. */
  readonly weight: number;
}

export interface BalancerReport {
  /** Health is being ignored. */
  readonly panic: boolean;
  readonly backends: readonly BackendReport[];
}

interface Entry {
  backend: WatchedBackend;
  health: BackendHealth;
  /** The effective one, as it was told last. */
  weight: number;
  /** Of the next probe; NEVER while one runs. */
  dueAt: Instant;
  /** Of the next step of its slow start. */
  rampAt: Instant;
  running: { readonly ticket: number; readonly startedAt: Instant } | undefined;
}

type Outcome = Partial<Pick<HealthStep, 'probes' | 'abandoned' | 'events'>>;

/** Of an interval, either way: what was probed in one moment once is not so for ever. */
const JITTER = 0.1;

export class BalancerHealth {
  #config: BalancerHealthConfig;
  #entries = new Map<string, Entry>();
  #told: Weights = { weights: new Map(), panic: false };
  #wakeAt: Instant = NEVER;
  #tickets = 0;
  #prng: Prng;

  /**
   * A machine without backends; `configure` gives it some.
   *
   * @param seed - Any number; a different one for each machine, or they all draw alike.
   */
  constructor(seed: number, config: Omit<BalancerHealthConfig, 'backends'>) {
    this.#prng = seedPrng(seed);
    this.#config = { ...config, backends: [] };
  }

  /**
   * Makes the backends exactly these. Those that stay keep what is known of them; of a probe that
   * asked otherwise than `config.check` nothing is heard any more.
   */
  configure(config: BalancerHealthConfig, now: Instant): HealthStep {
    const asksAnew = !isSameCheck(config.check, this.#config.check);
    const before = this.#entries;
    this.#config = config;
    this.#entries = new Map();
    const abandoned: number[] = [];
    const unscheduled: Entry[] = [];
    for (const backend of config.backends) {
      const known = this.#entries.get(backend.id) ?? before.get(backend.id);
      const entry = known === undefined ? newEntry(backend, now) : { ...known, backend };
      before.delete(backend.id);
      this.#entries.set(backend.id, entry);
    }
    for (const entry of this.#entries.values()) {
      if (asksAnew) abandon(entry, abandoned);
      entry.rampAt = nextRampAt(entry.health, now, config.options.slowStartMs);
      if (entry.running !== undefined) continue;
      if (asksAnew || entry.dueAt === NEVER) unscheduled.push(entry);
      else entry.dueAt = Math.min(entry.dueAt, now + this.#interval(entry.health));
    }
    for (const gone of before.values()) abandon(gone, abandoned);
    this.#spread(unscheduled, now);
    this.#wakeAt = this.#earliest();
    return this.#step(now, { abandoned }, true);
  }

  /** Time has passed: starts the probes that are due, and moves slow starts on. */
  wake(now: Instant): HealthStep {
    const probes: ProbeStart[] = [];
    const { check, options } = this.#config;
    let ramped = false;
    for (const entry of this.#entries.values()) {
      if (entry.rampAt <= now) {
        entry.rampAt = nextRampAt(entry.health, now, options.slowStartMs);
        ramped = true;
      }
      if (entry.dueAt > now) continue;
      this.#tickets += 1;
      entry.running = { ticket: this.#tickets, startedAt: now };
      entry.dueAt = NEVER;
      probes.push({ ticket: this.#tickets, backend: entry.backend, check });
    }
    this.#wakeAt = this.#earliest();
    return this.#step(now, { probes }, ramped);
  }

  /**
   * A probe has ended. What a probe of a backend that has gone found, or one that was abandoned,
   * changes nothing.
   */
  hear(id: string, ticket: number, finding: Finding, now: Instant): HealthStep {
    const entry = this.#entries.get(id);
    if (entry?.running?.ticket !== ticket) return this.#step(now, {}, false);
    const { startedAt } = entry.running;
    const before = entry.health;
    const { options } = this.#config;
    entry.running = undefined;
    entry.health = judge(before, finding, now, options);
    // From its start, so that slow answers do not make the probes rarer.
    entry.dueAt = Math.max(now, startedAt + this.#interval(entry.health));
    entry.rampAt = nextRampAt(entry.health, now, options.slowStartMs);
    this.#wakeAt = Math.min(this.#wakeAt, entry.dueAt, entry.rampAt);
    const events = turn(id, before, entry.health, finding.reason);
    return this.#step(now, { events }, events.length > 0);
  }

  /** What is known of each backend, in the order of the configuration. */
  report(): BalancerReport {
    const backends = [...this.#entries].map(([id, { health, weight }]) => {
      return { ...health, id, weight };
    });
    return { panic: this.#told.panic, backends };
  }

  /** @param reweigh - Whether a weight may be other than before: that costs a look at all. */
  #step(now: Instant, outcome: Outcome, reweigh: boolean): HealthStep {
    const { probes = [], abandoned = [], events = [] } = outcome;
    const step = { probes, abandoned, events, changed: undefined, wakeAt: this.#wakeAt };
    if (!reweigh) return step;
    const { changed, events: panics } = this.#reweigh(now);
    return { ...step, changed, events: [...events, ...panics] };
  }

  #reweigh(now: Instant): Pick<HealthStep, 'changed' | 'events'> {
    const { panicPercent, slowStartMs } = this.#config.options;
    let all = 0;
    let usable = 0;
    for (const { backend, health } of this.#entries.values()) {
      if (backend.weight === 0) continue;
      all += 1;
      if (isUsable(health)) usable += 1;
    }
    const panic = isPanic(usable, all, panicPercent);
    const before = this.#told;
    const weights = new Map<string, number>();
    let differs = panic !== before.panic || this.#entries.size !== before.weights.size;
    for (const [id, entry] of this.#entries) {
      const { weight: full } = entry.backend;
      entry.weight = panic ? full : weightOf(entry.health, full, now, slowStartMs);
      weights.set(id, entry.weight);
      differs ||= before.weights.get(id) !== entry.weight;
    }
    if (!differs) return { changed: undefined, events: [] };
    this.#told = { weights, panic };
    if (panic === before.panic) return { changed: this.#told, events: [] };
    const kind = panic ? 'panic-began' : 'panic-ended';
    return { changed: this.#told, events: [{ kind, usable, all }] };
  }

  /** Spreads first probes evenly over an interval, each at random within its part of it. */
  #spread(entries: readonly Entry[], now: Instant): void {
    const part = this.#config.options.intervalMs / Math.max(1, entries.length);
    for (const [index, entry] of entries.entries()) {
      entry.dueAt = now + (index + this.#draw()) * part;
    }
  }

  #interval(health: BackendHealth): number {
    const { intervalMs, fastIntervalMs } = this.#config.options;
    const base = isInTransition(health) ? Math.min(fastIntervalMs, intervalMs) : intervalMs;
    return base * (1 - JITTER + 2 * JITTER * this.#draw());
  }

  #draw(): number {
    const { value, prng } = draw(this.#prng);
    this.#prng = prng;
    return value;
  }

  #earliest(): Instant {
    let earliest = NEVER;
    for (const { dueAt, rampAt } of this.#entries.values()) {
      earliest = Math.min(earliest, dueAt, rampAt);
    }
    return earliest;
  }
}

function newEntry(backend: WatchedBackend, now: Instant): Entry {
  return {
    backend,
    health: unknownHealth(now),
    weight: 0,
    dueAt: NEVER,
    rampAt: NEVER,
    running: undefined,
  };
}

function abandon(entry: Entry, abandoned: number[]): void {
  if (entry.running !== undefined) abandoned.push(entry.running.ticket);
  entry.running = undefined;
}

/** A verdict, when it changes whether the backend is used. */
function turn(
  id: string,
  before: BackendHealth,
  after: BackendHealth,
  reason: string,
): readonly HealthEvent[] {
  if (isUsable(before) === isUsable(after)) return [];
  const kind = isUsable(after) ? 'turned-healthy' : 'turned-unhealthy';
  return [{ kind, id, reason, afterMs: after.since - before.since }];
}
