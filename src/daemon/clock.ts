import type { Instant } from '../core/time.ts';

/** The one place of the daemon that reads a clock. */
export interface Clock {
  /** CLOCK_BOOTTIME: goes on while the machine is suspended, and no one can set it. */
  now(): Instant;
  /** Wall time, ISO 8601, for people only: it decides nothing. */
  wall(): string;
}

/** A clock over the addon's reading of CLOCK_BOOTTIME. */
export function bootClock(bootTimeMs: () => number): Clock {
  return { now: bootTimeMs, wall: () => new Date().toISOString() };
}
