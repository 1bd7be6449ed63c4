import type { Instant } from '../core/time.ts';
import type { Holding, Span } from './holding.ts';

/** One question of the client to the VIP by UDP, and who answered it when. */
export interface Probe {
  readonly sentAt: Instant;
  /** Missing when no answer came. */
  readonly answer?: { readonly at: Instant; readonly node: string };
}

/** One connection of the client through the balancer. */
export interface Request {
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  /** Which backend answered; missing when the request failed. */
  readonly backend?: string;
  /** Why it failed: an errno name, `timeout`, `no-answer`. */
  readonly failure?: string;
}

/**
 * An answer that comes later than this was held up by the network: the client asked for the VIP's
 * MAC address meanwhile, which may take a second. On a machine with more work than processors,
 * client and answerer wait for their turn for tens of milliseconds, which is not the VIP's doing.
 */
const LATE_MS = 100;

/**
 * The longest silence within `span`: the time between two successive answers, if any probe sent
 * between them was lost or answered late. (Otherwise it was the client or the answerer that did not
 * run.)
 *
 * `probes` need not be sorted. A silence that begins or ends outside `span` counts from or to its
 * edge, so an outage that lasts is not missed.
 */
export function longestSilence(probes: readonly Probe[], span: Span): Span | undefined {
  const answers = probes
    .flatMap(({ answer }) => (answer === undefined ? [] : [answer.at]))
    .filter((at) => at > span.from && at < span.until)
    .sort((a, b) => a - b);
  const troubled = probes
    .filter(({ sentAt, answer }) => answer === undefined || answer.at - sentAt > LATE_MS)
    .map(({ sentAt }) => sentAt)
    .sort((a, b) => a - b);
  let longest: Span | undefined;
  let next = 0;
  let from = span.from;
  for (const until of [...answers, span.until]) {
    while ((troubled[next] ?? Infinity) < from) next += 1;
    const isSilence = (troubled[next] ?? Infinity) < until;
    const length = longest === undefined ? 0 : longest.until - longest.from;
    if (isSilence && until - from > length) longest = { from, until };
    from = until;
  }
  return longest;
}

/** A probe may be sent before the kernel's event of the address is read, and answered after it. */
const HOLDING_SLACK_MS = 20;

/**
 * For how long answers of two holders were mixed within `span`: from the first probe that a second
 * node answered to the last that the first one still did, in milliseconds; 0 when one followed the
 * other. It is the client's own view of two holders. `holdings` tell a node that came back from one
 * that never left.
 */
export function mixedAnswers(
  probes: readonly Probe[],
  holdings: readonly Holding[],
  span: Span,
): number {
  const turns = new Map<Holding | string, { node: string; first: Instant; last: Instant }>();
  for (const { sentAt, answer } of probes) {
    if (answer === undefined || sentAt < span.from || sentAt > span.until) continue;
    const { node } = answer;
    const holding = holdings.find(
      ({ node: holder, from, until }) =>
        holder === node &&
        sentAt >= from - HOLDING_SLACK_MS &&
        sentAt <= (until ?? Infinity) + HOLDING_SLACK_MS,
    );
    const turn = turns.get(holding ?? node);
    if (turn === undefined) turns.set(holding ?? node, { node, first: sentAt, last: sentAt });
    else {
      turn.first = Math.min(turn.first, sentAt);
      turn.last = Math.max(turn.last, sentAt);
    }
  }
  let mixed = 0;
  for (const a of turns.values()) {
    for (const b of turns.values()) {
      if (a.node === b.node) continue;
      mixed = Math.max(mixed, Math.min(a.last, b.last) - Math.max(a.first, b.first));
    }
  }
  return mixed;
}
