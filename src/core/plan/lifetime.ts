/**
 * How often `count` addresses are refreshed, in milliseconds. 10,000 take 204–243 ms of the
 * kernel's RTNL lock, a fifth of a core at one refresh a second, so the period grows with their
 * number.
 */
export function refreshPeriodMs(count: number): number {
  return Math.max(1000, count * 2);
}

/**
 * The valid lifetime, in whole seconds, to bind or refresh `count` addresses with: what is left of
 * the right, at least 2 s (0 is refused with EINVAL, and 1 s could end before the next refresh),
 * and never less than the refreshes need. It is the backstop for when nothing of ours lives any
 * more, not the fence: that is exact and this is not.
 */
export function lifetimeSeconds(count: number, rightLeftMs: number): number {
  const period = refreshPeriodMs(count);
  const needed = period > 1000 ? Math.ceil((2.5 * period) / 1000) : 2;
  const left = Number.isFinite(rightLeftMs) ? Math.floor(rightLeftMs / 1000) : 0;
  return Math.max(needed, left);
}
