import type { Instant } from '../core/time.ts';

/** The VIP came to a node or went from it, as the kernel of that node said. */
export interface HoldingChange {
  readonly at: Instant;
  readonly node: string;
  readonly held: boolean;
}

/** One node's time with the VIP; `until` is missing while it lasts. */
export interface Holding {
  readonly node: string;
  readonly from: Instant;
  readonly until?: Instant;
}

/** Part of the demo's time, from and until instants of one clock. */
export interface Span {
  readonly from: Instant;
  readonly until: Instant;
}

/**
 * Pairs arrivals with departures. A change that repeats what is known, as a refreshed lifetime is
 * reported, changes nothing.
 */
export function holdingsOf(changes: readonly HoldingChange[]): readonly Holding[] {
  const finished: Holding[] = [];
  const open = new Map<string, Holding>();
  for (const { at, node, held } of changes) {
    const current = open.get(node);
    if (held && current === undefined) open.set(node, { node, from: at });
    if (!held && current !== undefined) {
      open.delete(node);
      finished.push({ ...current, until: at });
    }
  }
  return [...finished, ...open.values()].sort((a, b) => a.from - b.from);
}

/**
 * How long two or more nodes had the VIP at once within `span`, in milliseconds.
 *
 * The changes must be in the order in which the kernel made them: a departure and the arrival that
 * follows it may carry the same time, and only their order tells a clean move from an overlap.
 */
export function timeWithTwoHolders(changes: readonly HoldingChange[], span: Span): number {
  const holders = new Set<string>();
  let total = 0;
  let since = span.from;
  for (const { at, node, held } of changes) {
    const until = Math.min(Math.max(at, span.from), span.until);
    if (holders.size >= 2) total += until - since;
    since = until;
    if (held) holders.add(node);
    else holders.delete(node);
  }
  if (holders.size >= 2) total += span.until - since;
  return total;
}

/** Whether two nodes had the VIP at once, be it for no measurable time. */
export function everTwoHolders(changes: readonly HoldingChange[], span: Span): boolean {
  const holders = new Set<string>();
  for (const { at, node, held } of changes) {
    if (at > span.until) break;
    if (held) holders.add(node);
    else holders.delete(node);
    if (at >= span.from && holders.size >= 2) return true;
  }
  return false;
}

/**
 * The node that has the VIP after all `changes`; the one that came last, should there be several.
 */
export function holderAfter(changes: readonly HoldingChange[]): string | undefined {
  return holdingsOf(changes).findLast(({ until }) => until === undefined)?.node;
}
