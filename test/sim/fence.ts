import { type Instant, NEVER } from '../../src/core/time.ts';
import type { Agenda } from './agenda.ts';
import type { Machine } from './machine.ts';
import type { Random } from './random.ts';

/**
 * Guard, gate and addresses of one process, as docs/explanation/fencing.md has them: what is bound
 * serves only while the fence is armed and has not fired, and deadline and firing are told apart by
 * compare-and-swap (native/base/deadline_page.h). The guard is on its own: a daemon that is stopped
 * or dead does not stop it.
 */
export class Fence {
  readonly #agenda: Agenda;
  readonly #random: Random;
  readonly #machine: Machine;
  readonly #marginMs: number;
  readonly #closed: (term: number) => void;
  #deadline: Instant = NEVER;
  #armed = false;
  #timed = false;
  /** Set by the guard, before it withdraws: no deadline is taken any more. */
  fired = false;
  bound = false;
  /** The term whose right the fence has ended by itself. */
  closedTerm = -1;
  #term = 0;
  #arming = 0;

  /** @param closed called when the guard has withdrawn, with the term of the right that is over. */
  constructor(
    parts: { agenda: Agenda; random: Random; machine: Machine; marginMs: number },
    closed: (term: number) => void,
  ) {
    this.#agenda = parts.agenda;
    this.#random = parts.random;
    this.#machine = parts.machine;
    this.#marginMs = parts.marginMs;
    this.#closed = closed;
  }

  /** A machine that sleeps answers nobody. */
  get serving(): boolean {
    return this.bound && !this.#machine.suspended;
  }

  /** Tells the guard of a deadline; false when it has fired. */
  store(term: number, deadline: Instant): boolean {
    if (this.fired) return false;
    this.#deadline = deadline;
    this.#term = term;
    this.#armed = true;
    this.#watch();
    return true;
  }

  /** Binds the addresses; without effect behind a fence that is closed. */
  bind(): boolean {
    if (!this.#armed || this.fired || this.bound) return false;
    this.bound = true;
    return true;
  }

  mayServe(): boolean {
    return this.#armed && !this.fired && this.#machine.now() < this.#deadline;
  }

  /** The daemon has withdrawn and told the guard so. */
  disarm(): void {
    this.bound = false;
    this.fired = false;
    this.#armed = false;
    this.#deadline = NEVER;
    this.#arming += 1;
  }

  /** The daemon has died: the guard sees the pipe break. */
  daemonDied(): void {
    if (!this.#armed || this.fired) return;
    this.fired = true;
    this.#closeAfter(0.1 + 4 * this.#random.next());
  }

  /** Everything on the machine is gone. */
  powerLost(): void {
    this.disarm();
  }

  #watch(): void {
    if (this.#timed) return;
    this.#timed = true;
    this.#agenda.at(this.#machine.trueTime(this.#deadline), () => this.#due());
  }

  /** Most of the time at once; now and then as late as the margin allows. */
  #due(): void {
    this.#timed = false;
    if (!this.#armed || this.fired) return;
    if (this.#machine.suspended) return this.#retryAt(this.#machine.suspendedUntil);
    if (this.#machine.now() < this.#deadline - 1e-6) return this.#watch();
    const whole = (this.#random.chance(0.7) ? 0.1 : 1) * this.#random.next();
    const lateness = (whole * this.#marginMs) / 1.02;
    const arming = this.#arming;
    this.#timed = true;
    this.#agenda.after(lateness / 2, () => {
      this.#timed = false;
      if (!this.#armed || this.fired || arming !== this.#arming) return;
      if (this.#machine.suspended) return this.#retryAt(this.#machine.suspendedUntil);
      if (this.#machine.now() < this.#deadline - 1e-6) return this.#watch();
      this.fired = true;
      this.#closeAfter(lateness / 2);
    });
  }

  #retryAt(time: number): void {
    // What a suspended machine serves between its wake-up and this is outside the promise: nothing.
    this.#timed = true;
    this.#agenda.at(time, () => {
      this.#timed = false;
      if (!this.#armed || this.fired) return;
      if (this.#machine.now() < this.#deadline - 1e-6) return this.#watch();
      this.fired = true;
      this.#close(this.#arming);
    });
  }

  #closeAfter(delay: number): void {
    const arming = this.#arming;
    this.#agenda.after(delay, () => {
      const { suspended, suspendedUntil } = this.#machine;
      if (suspended) this.#agenda.at(suspendedUntil, () => this.#close(arming));
      else this.#close(arming);
    });
  }

  #close(arming: number): void {
    if (arming !== this.#arming) return;
    this.bound = false;
    this.closedTerm = this.#term;
    this.#closed(this.#term);
  }
}
