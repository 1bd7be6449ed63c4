import type { Instant } from '../../src/core/time.ts';
import type { Agenda } from './agenda.ts';

/** A computer: a clock of its own, which goes on while it is suspended (CLOCK_BOOTTIME). */
export class Machine {
  readonly place: number;
  /** Where datagrams reach it; a cloned machine shares its model's. */
  readonly address: number;
  readonly #agenda: Agenda;
  readonly #rate: number;
  readonly #offset: number;
  suspendedUntil = 0;

  constructor(
    place: number,
    address: number,
    agenda: Agenda,
    clock: { rate: number; offset: number },
  ) {
    this.place = place;
    this.address = address;
    this.#agenda = agenda;
    this.#rate = clock.rate;
    this.#offset = clock.offset;
  }

  /** What its clock shows now. */
  now(): Instant {
    return this.#offset + this.#agenda.now * this.#rate;
  }

  /** The true time at which its clock shows `instant`. */
  trueTime(instant: Instant): number {
    return (instant - this.#offset) / this.#rate;
  }

  get suspended(): boolean {
    return this.#agenda.now < this.suspendedUntil;
  }
}
