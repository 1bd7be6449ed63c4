/**
 * A point in time: milliseconds of CLOCK_BOOTTIME, with fractions. Only differences mean anything,
 * and only on the machine that read the clock (clock_gettime(2)).
 */
export type Instant = number;

/**
 * The instant that never comes: the end of a right that nobody contests, a time-out that is off.
 */
export const NEVER: Instant = Number.POSITIVE_INFINITY;
