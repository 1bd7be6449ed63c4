/**
 * Whether so few backends are usable that health is not believed any more, and all of them are
 * used. Either the check is wrong, or the few that are left would be the next to fall under the
 * load of all. Envoy's rule ("Panic threshold"): fewer than `panicPercent` of them.
 *
 * @param all - The backends that could get connections; those with weight 0 are not among them.
 * @param panicPercent - 0 to 100; 0 turns the rule off.
 */
export function isPanic(usable: number, all: number, panicPercent: number): boolean {
  return usable * 100 < panicPercent * all;
}
