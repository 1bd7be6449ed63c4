/** How many of `voters` make a majority: any two of them share a voter. */
export function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * The newest sequence that a majority of the voters has acknowledged, this leader included; 0 when
 * there is none. `acknowledged` holds every other voter's newest, `own` the leader's, which promises
 * itself each round that it sends.
 */
export function newestByMajority(acknowledged: readonly number[], own: number): number {
  const newestFirst = [own, ...acknowledged].sort((one, other) => other - one);
  return newestFirst[majorityOf(newestFirst.length) - 1] ?? 0;
}
