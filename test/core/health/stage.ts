import { formatEndpoint, type IpAddress, parseIpAddress } from '../../../src/core/address/ip.ts';
import {
  BalancerHealth,
  type BalancerHealthConfig,
  HEALTH_OPTIONS,
  type HealthOptions,
  type HealthStep,
  type ProbeStart,
  type WatchedBackend,
  type Weights,
} from '../../../src/core/health/balancer.ts';
import { type Finding, TCP_CHECK } from '../../../src/core/health/check.ts';
import type { Instant } from '../../../src/core/time.ts';

export const PASSED: Finding = { verdict: 'passed', reason: 'accepted a connection' };
export const REFUSED: Finding = { verdict: 'failed', reason: 'connection refused' };
export const UNASKED: Finding = { verdict: 'inconclusive', reason: 'cannot be probed: EMFILE' };

/** Backends 192.0.2.1:80 and so on. */
export function backends(count: number, weight = 1): readonly WatchedBackend[] {
  return Array.from({ length: count }, (_, index) => backend(index + 1, weight));
}

export function backend(host: number, weight = 1): WatchedBackend {
  const address = ip(`192.0.${2 + Math.trunc(host / 256)}.${host % 256}`);
  return { id: formatEndpoint(address, 80), address, port: 80, weight };
}

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`cannot read ${text}`);
  return address;
}

export function config(
  list: readonly WatchedBackend[],
  options: Partial<HealthOptions> = {},
): BalancerHealthConfig {
  return { check: TCP_CHECK, options: { ...HEALTH_OPTIONS, ...options }, backends: list };
}

export interface Probed {
  readonly id: string;
  readonly at: Instant;
}

/** A machine, a clock that only this moves, and backends that answer after 1 ms. */
export class Stage {
  readonly machine: BalancerHealth;
  readonly probes: Probed[] = [];
  /** What was worth telling, a line each. */
  readonly lines: string[] = [];
  weights: Weights = { weights: new Map(), panic: false };
  now: Instant = 0;
  wakeAt: Instant = 0;
  readonly running = new Map<number, ProbeStart>();
  #answers: { readonly start: ProbeStart; readonly at: Instant }[] = [];

  constructor(first: BalancerHealthConfig, seed = 1) {
    this.machine = new BalancerHealth(seed, first);
    this.configure(first);
  }

  configure(next: BalancerHealthConfig): void {
    this.follow(this.machine.configure(next, this.now));
  }

  /** Lets time pass; each probe then finds what `answer` says. */
  advance(ms: number, answer: (id: string) => Finding): void {
    const until = this.now + ms;
    for (;;) {
      const next = this.#answers[0];
      const at = Math.min(this.wakeAt, next?.at ?? Number.POSITIVE_INFINITY);
      if (at > until) break;
      this.now = at;
      if (next !== undefined && next.at === at) {
        this.#answers.shift();
        this.hear(next.start, answer(next.start.backend.id));
      } else {
        this.wake();
      }
    }
    this.now = until;
  }

  /** Wakes the machine; what it starts is answered by `advance`. */
  wake(): void {
    this.follow(this.machine.wake(this.now));
    // Who is woken in time has nothing left to do: a machine that asks again at once would spin.
    if (this.wakeAt <= this.now) throw new Error(`woken at ${this.now}, it wants to be again`);
  }

  hear(start: ProbeStart, finding: Finding): void {
    this.running.delete(start.ticket);
    this.follow(this.machine.hear(start.backend.id, start.ticket, finding, this.now));
  }

  follow(step: HealthStep): void {
    this.wakeAt = step.wakeAt;
    for (const ticket of step.abandoned) this.running.delete(ticket);
    for (const start of step.probes) {
      this.probes.push({ id: start.backend.id, at: this.now });
      this.running.set(start.ticket, start);
      this.#answers.push({ start, at: this.now + 1 });
    }
    for (const event of step.events) {
      const about = 'id' in event ? `${event.id}: ${event.reason}` : `${event.usable}/${event.all}`;
      this.lines.push(`${event.kind} ${about}`);
    }
    if (step.changed !== undefined) this.weights = step.changed;
  }

  /** The effective weights in the order of the backends, with `panic` behind. */
  shown(): string {
    const { weights, panic } = this.weights;
    return `${[...weights.values()].join(' ')}${panic ? ' panic' : ''}`;
  }
}
