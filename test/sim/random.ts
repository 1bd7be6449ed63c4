import { draw, type Prng, seedPrng } from '../../src/core/prng.ts';

/** Chance, all of it from one seed. */
export class Random {
  #state: Prng;

  constructor(seed: number) {
    this.#state = seedPrng(Math.imul(seed, 0x9e3779b1));
  }

  /** Evenly in [0, 1). */
  next(): number {
    const { value, prng } = draw(this.#state);
    this.#state = prng;
    return value;
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  whole(least: number, most: number): number {
    return Math.floor(this.between(least, most + 1));
  }

  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.next() * items.length)];
    if (item === undefined) throw new RangeError('Cannot pick from nothing');
    return item;
  }

  bits64(): bigint {
    return (BigInt(this.whole(1, 0xffff_fffe)) << 32n) | BigInt(this.whole(0, 0xffff_ffff));
  }
}
