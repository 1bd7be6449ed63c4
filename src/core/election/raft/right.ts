import type { Instant } from '../../time.ts';

/** The greatest ratio of two nodes' clock rates that the promise is kept under (fencing.md A3). */
export const CLOCK_RATIO_MAX = 1.02;

/**
 * The end of the right that a majority's acknowledgements of one heartbeat give.
 *
 * Each of them promised for `holdMs` of its own clock, from the heartbeat's receipt. Counted from
 * the sending, and shortened by what the voters' clocks may be faster, the right is over before the
 * first of these promises is, however long heartbeat and answer were on their way.
 */
export function rightEnd(sentAt: Instant, holdMs: number): Instant {
  return sentAt + rightMs(holdMs);
}

/** How long such a right is at most: were the acknowledgements there at once. */
export function rightMs(holdMs: number): number {
  return holdMs / CLOCK_RATIO_MAX;
}

/**
 * When the fences have to begin withdrawing, for all to be gone at the end of the right: the guard
 * is late by its scheduling and by the kernel's time for each address (fencing.md A8).
 */
export function fencesDeadline(endsAt: Instant, marginMs: number): Instant {
  return endsAt - marginMs;
}
