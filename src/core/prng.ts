/** The state of a seeded generator: 32 bits. A value, so that a step can return the next one. */
export type Prng = number;

/** One draw: the number, evenly in [0, 1), and the generator's next state. */
export interface Draw {
  readonly value: number;
  readonly prng: Prng;
}

/** Folds any number into a generator's state. */
export function seedPrng(seed: number): Prng {
  return Math.trunc(seed) | 0;
}

/**
 * Draws the next number: mulberry32, whose period is 2^32. Good enough to keep two candidates from
 * asking at the same moment again; never to be used where a stranger must not guess.
 */
export function draw(prng: Prng): Draw {
  const next = (prng + 0x6d2b79f5) | 0;
  let mixed = Math.imul(next ^ (next >>> 15), next | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return { value: ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000, prng: next };
}
