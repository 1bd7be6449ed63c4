import type { Instant } from '../core/time.ts';
import type { Clock } from './clock.ts';

/** What the held right needs of the outside. */
export interface RightPorts {
  readonly clock: Clock;
  /**
   * Tells the guard when to act if we do not: ms of CLOCK_BOOTTIME, 0 for not armed. False when the
   * guard has acted already: the right is over, whatever the election believes (the guard's
   * resignation may have let another node in).
   */
  storeDeadline(deadline: Instant): boolean;
  /** The guard ended the right: the election must give it up for good. */
  fired(): void;
  /** Serving may begin: a round of the reconciler is due. */
  begun(): void;
  /** Serving may have to end: a round of the reconciler is due. */
  changed(): void;
  /** Resolves when the kernel confirms that nothing is served here any more. */
  withdrawn(): Promise<void>;
}

/**
 * The right to serve, as this process holds it: an interval with an end, that the election extends.
 *
 * Serving stops `marginMs` before the end, by three independent hands: the guard at the deadline
 * that is stored here, the timer of this class, and whoever asks `mayServe` before an act.
 */
export class HeldRight {
  readonly #ports: RightPorts;
  readonly #marginMs: number;
  #endsAt: Instant | undefined;
  /** What the guard was told last; 0 for not armed. */
  #fencedUntil: Instant = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(marginMs: number, ports: RightPorts) {
    this.#marginMs = marginMs;
    this.#ports = ports;
  }

  /** When serving must have stopped; 0 without a right. */
  get deadline(): Instant {
    return this.#endsAt === undefined ? 0 : this.#endsAt - this.#marginMs;
  }

  mayServe(): boolean {
    return this.#ports.clock.now() < this.deadline;
  }

  /**
   * The guard's deadline has passed, and it is not confirmed yet that nothing is served: the guard
   * withdraws, or has, and takes no list before that.
   */
  get lapsed(): boolean {
    return this.#fencedUntil !== 0 && this.#ports.clock.now() >= this.#fencedUntil;
  }

  /** Milliseconds until the right ends; 0 without one. */
  leftMs(): number {
    return Math.max(0, (this.#endsAt ?? 0) - this.#ports.clock.now());
  }

  /** The right now ends at `endsAt`; never earlier than it did before. */
  extend(endsAt: Instant): void {
    const served = this.mayServe();
    // Nothing may be bound or announced up to a deadline that the guard did not accept.
    if (!this.#ports.storeDeadline(endsAt - this.#marginMs)) {
      this.#ports.fired();
      return;
    }
    this.#endsAt = endsAt;
    this.#fencedUntil = this.deadline;
    this.#arm();
    if (!served) this.#ports.begun();
  }

  /**
   * Gives the right up. Resolves when nothing is served here any more: only then may anybody be
   * told, and only then may another right begin. The guard keeps its deadline until then, should
   * this process not come so far.
   */
  async giveUp(): Promise<void> {
    this.#endsAt = undefined;
    clearTimeout(this.#timer);
    await this.#ports.withdrawn();
    this.#ports.storeDeadline(0);
    const lapsed = this.lapsed;
    this.#fencedUntil = 0;
    // A guard that has fired can be given its list again.
    if (lapsed) this.#ports.changed();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const delay = Math.ceil(this.deadline - this.#ports.clock.now());
    this.#timer = setTimeout(() => this.#expire(), Math.max(0, delay));
  }

  /**
   * Node counts from when its loop last looked at the clock, in whole milliseconds, so every second
   * timer is early. The round that it would wake then finds the right running, and nothing would
   * wake another one.
   */
  #expire(): void {
    if (this.mayServe()) this.#arm();
    else this.#ports.changed();
  }
}
