import {
  BalancerHealth,
  type BalancerHealthConfig,
  type BalancerReport,
  type HealthEvent,
  type HealthStep,
  type ProbeStart,
  type Weights,
} from '../core/health/balancer.ts';
import { type Instant, NEVER } from '../core/time.ts';
import { probe } from './probe.ts';
import { ProbeSlots } from './probe-slots.ts';

/** A load balancer whose backends are probed. */
export interface CheckedBalancer extends BalancerHealthConfig {
  /** Different from that of every other one. */
  readonly name: string;
}

/** What the checker needs of the outside. */
export interface CheckerPorts {
  readonly clock: { now(): Instant };
  /** Evenly in [0, 1): seeds each load balancer's times. */
  random(): number;
  /** What a load balancer's backends are worth is other than before. */
  weighed(balancer: string, weights: Weights): void;
  /** Something happened that is worth a line of the log. */
  told(balancer: string, event: HealthEvent): void;
}

/**
 * Every probe is a descriptor, and a TLS handshake about a millisecond of the thread that also
 * renews this node's right: this many answers in one turn of the loop do not cost it a heartbeat.
 */
const MAX_PROBES = 64;
/** With thousands of backends something is due all the time: no wake-up comes sooner. */
const MIN_PAUSE_MS = 10;

interface Watched {
  readonly name: string;
  readonly machine: BalancerHealth;
  wakeAt: Instant;
  /** Of the probes that run or wait for their turn, by ticket. */
  readonly stops: Map<number, AbortController>;
}

/**
 * Probes the backends of all load balancers, by the rules of `core/health`. Starts empty; `set`
 * says what is wanted.
 */
export class HealthChecker {
  readonly #ports: CheckerPorts;
  readonly #slots: ProbeSlots;
  readonly #watched = new Map<string, Watched>();
  readonly #probes = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #wokeAt: Instant = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** @param options.maxProbes - How many run at once; by default 64. */
  constructor(ports: CheckerPorts, options: { readonly maxProbes?: number } = {}) {
    this.#ports = ports;
    this.#slots = new ProbeSlots(options.maxProbes ?? MAX_PROBES);
  }

  /**
   * Makes the load balancers exactly these. What is known of a backend that stays with its load
   * balancer is kept. The weights of new ones are told before this returns.
   */
  set(balancers: readonly CheckedBalancer[]): void {
    if (this.#closed) return;
    const wanted = new Set(balancers.map(({ name }) => name));
    for (const watched of this.#watched.values()) {
      if (!wanted.has(watched.name)) this.#forget(watched);
    }
    const now = this.#ports.clock.now();
    for (const balancer of balancers) {
      const watched = this.#watched.get(balancer.name) ?? this.#watch(balancer);
      this.#follow(watched, watched.machine.configure(balancer, now));
    }
    this.#schedule();
  }

  /** What is known of a load balancer's backends; undefined when they are not probed. */
  report(balancer: string): BalancerReport | undefined {
    return this.#watched.get(balancer)?.machine.report();
  }

  /** Stops everything; when this resolves no socket and no timer is left. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const watched of this.#watched.values()) this.#forget(watched);
    await Promise.all(this.#probes);
  }

  #watch(balancer: CheckedBalancer): Watched {
    const machine = new BalancerHealth(this.#ports.random() * 0x1_0000_0000, balancer);
    const watched: Watched = {
      name: balancer.name,
      machine,
      wakeAt: NEVER,
      stops: new Map(),
    };
    this.#watched.set(balancer.name, watched);
    return watched;
  }

  #forget(watched: Watched): void {
    this.#watched.delete(watched.name);
    for (const stop of watched.stops.values()) stop.abort();
    watched.stops.clear();
  }

  #wake(): void {
    const now = this.#ports.clock.now();
    this.#wokeAt = now;
    for (const watched of this.#watched.values()) {
      if (watched.wakeAt <= now) this.#follow(watched, watched.machine.wake(now));
    }
    this.#schedule();
  }

  /** Does what a step asks for. */
  #follow(watched: Watched, step: HealthStep): void {
    const { name, stops } = watched;
    watched.wakeAt = step.wakeAt;
    for (const ticket of step.abandoned) {
      stops.get(ticket)?.abort();
      stops.delete(ticket);
    }
    for (const start of step.probes) this.#start(watched, start);
    for (const event of step.events) this.#ports.told(name, event);
    if (step.changed !== undefined) this.#ports.weighed(name, step.changed);
  }

  #start(watched: Watched, start: ProbeStart): void {
    const stop = new AbortController();
    watched.stops.set(start.ticket, stop);
    const run = (): Promise<void> => {
      const running = this.#probe(watched, start, stop.signal);
      this.#probes.add(running);
      return running.finally(() => this.#probes.delete(running));
    };
    this.#slots.take(watched.name, run, stop.signal);
  }

  async #probe(watched: Watched, start: ProbeStart, signal: AbortSignal): Promise<void> {
    const { check, backend, ticket } = start;
    const finding = await probe(check, backend, signal);
    if (signal.aborted) return;
    watched.stops.delete(ticket);
    const now = this.#ports.clock.now();
    this.#follow(watched, watched.machine.hear(backend.id, ticket, finding, now));
    this.#schedule();
  }

  /**
   * Sets the timer for what is due first. Its instant does not depend on now, or findings that come
   * one after the other would put it off for ever.
   */
  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#closed) return;
    let earliest = NEVER;
    for (const { wakeAt } of this.#watched.values()) earliest = Math.min(earliest, wakeAt);
    if (earliest === NEVER) return;
    const at = Math.max(earliest, this.#wokeAt + MIN_PAUSE_MS);
    const delayMs = Math.max(0, Math.ceil(at - this.#ports.clock.now()));
    this.#timer = setTimeout(() => this.#wake(), delayMs);
  }
}
