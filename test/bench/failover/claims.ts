import type { Instant } from '../../../src/core/time.ts';
import type { Span } from '../../../src/demo/holding.ts';

/**
 * One ARP frame with the VIP as its sender, as tcpdump saw it on the bridge: whoever sends it
 * claims the VIP.
 */
export interface Claim {
  readonly at: Instant;
  readonly mac: string;
  /** The number of the prober's request that it answers; missing when nobody asked. */
  readonly request?: number;
}

/** How often the prober asks everyone. */
export const REQUEST_INTERVAL_MS = 5;

/** What the prober's requests come from: their number follows (test/native/prober.cc). */
const REQUEST_MAC = '02:ab:';

/** Reads one line of `tcpdump -n -e -tt`. */
export function parseClaim(line: string): Claim | undefined {
  const match = /^(\d+\.\d+) ([0-9a-f:]{17}) > ([0-9a-f:]{17}|Broadcast),/.exec(line);
  if (match === null) return undefined;
  const [, seconds, mac = '', destination = ''] = match;
  const claim = { at: Number(seconds) * 1000, mac };
  if (!destination.startsWith(REQUEST_MAC)) return claim;
  const digits = destination.slice(REQUEST_MAC.length).replaceAll(':', '');
  return { ...claim, request: Number.parseInt(digits, 16) };
}

/** The requests within `span` that two nodes or more answered, as the time that they stand for. */
export function answeredTwiceMs(claims: readonly Claim[], span: Span): number {
  const answers = new Map<number, Set<string>>();
  for (const { at, mac, request } of claims) {
    if (request === undefined || at < span.from || at > span.until) continue;
    answers.set(request, (answers.get(request) ?? new Set()).add(mac));
  }
  const twice = [...answers.values()].filter((macs) => macs.size > 1);
  return twice.length * REQUEST_INTERVAL_MS;
}

/** Two requests, and what the second may be late by. */
const NEAR_MS = 2.4 * REQUEST_INTERVAL_MS;

/**
 * The claims within `span` that a node made while another one held the VIP: one that claimed it
 * shortly before and shortly after.
 */
export function intrusions(claims: readonly Claim[], span: Span): readonly Claim[] {
  return claims.filter(({ at, mac }, index) => {
    if (at < span.from || at > span.until) return false;
    const others = (step: 1 | -1): Set<string> => {
      const near = new Set<string>();
      for (let i = index + step; i >= 0 && i < claims.length; i += step) {
        const claim = claims[i];
        if (claim === undefined || Math.abs(claim.at - at) > NEAR_MS) break;
        if (claim.mac !== mac) near.add(claim.mac);
      }
      return near;
    };
    const before = others(-1);
    return [...others(1)].some((other) => before.has(other));
  });
}
