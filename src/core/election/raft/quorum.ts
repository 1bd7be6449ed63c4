/** How many of `voters` make a majority: any two of them share a voter. */
export function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * The newest sequence that a majority of the voters has acknowledged; 0 when there is none. Each
 * voter has one entry: the leader's own is its newest, since it promises itself each round that it
 * sends.
 */
export function newestByMajority(acknowledged: readonly number[]): number {
  const newestFirst = acknowledged.toSorted((one, other) => other - one);
  return newestFirst[majorityOf(newestFirst.length) - 1] ?? 0;
}
