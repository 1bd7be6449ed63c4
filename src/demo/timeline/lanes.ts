import type { Instant } from '../../core/time.ts';
import { conditionAt, type History, laneNumber } from '../history.ts';
import { type Holding, holdingsOf, type Span } from '../holding.ts';
import type { Probe } from '../probes.ts';
import { type Cell, glyphsFor, overlay, type Screen, text } from './cells.ts';

/** A stretch of time drawn to scale: column c is the time from `from + c × columnMs` on. */
export interface Scale {
  readonly from: Instant;
  readonly columnMs: number;
  readonly columns: number;
}

function spanOf(scale: Scale, column: number): Span {
  const from = scale.from + column * scale.columnMs;
  return { from, until: from + scale.columnMs };
}

function columnOf(scale: Scale, at: Instant): number {
  return Math.floor((at - scale.from) / scale.columnMs);
}

/** How much of `span`, from 0 to 1, lies within `holdings`, and whether at its end. */
function heldShare(holdings: readonly Holding[], span: Span, now: Instant) {
  let held = 0;
  let reachesEnd = false;
  for (const { from, until } of holdings) {
    const end = Math.min(until ?? now, span.until);
    held += Math.max(0, end - Math.max(from, span.from));
    if (from < span.until && (until ?? Infinity) >= span.until) reachesEnd = true;
  }
  return { share: held / (Math.min(now, span.until) - span.from), reachesEnd };
}

/** A node's lane: a bar while it holds the VIP, else what state it is in. Blank after `now`. */
export function nodeLane(
  history: History,
  node: string,
  scale: Scale,
  now: Instant,
  screen: Screen,
): Cell[] {
  const glyphs = glyphsFor(screen);
  const look = { lane: laneNumber(history, node) };
  const holdings = holdingsOf(history.holding.filter((change) => change.node === node));
  return Array.from({ length: scale.columns }, (_, column): Cell => {
    const span = spanOf(scale, column);
    if (span.from >= now || span.until <= history.startedAt) return { glyph: ' ', look: 'plain' };
    const condition = conditionAt(history, node, Math.min(span.until, now));
    const { share, reachesEnd } = heldShare(holdings, span, now);
    if (share > 0.75)
      return { glyph: condition === 'running' ? glyphs.held : glyphs.heldStill, look };
    if (share > 0.25) return { glyph: reachesEnd ? glyphs.heldRight : glyphs.heldLeft, look };
    return condition === 'running'
      ? { glyph: glyphs.running, look: 'dim' }
      : { glyph: glyphs[condition], look: 'alarm' };
  });
}

/** The client's lane: the number of the node that answered, or the sign of a silence. */
export function clientLane(history: History, scale: Scale, now: Instant, screen: Screen): Cell[] {
  const glyphs = glyphsFor(screen);
  const answered = new Map<number, string>();
  const first = firstProbeAfter(history.probes, scale.from);
  for (const { answer } of history.probes.slice(first)) {
    if (answer !== undefined) answered.set(columnOf(scale, answer.at), answer.node);
  }
  const begun = history.probes[0]?.sentAt ?? Infinity;
  // The client reports in batches, so the newest instants are not known to be silent yet.
  const known = Math.min(now, history.probes.at(-1)?.sentAt ?? -Infinity);
  const lastAnswer = history.probes.findLast(({ answer }) => answer !== undefined)?.answer?.at;
  const silentUntil = now - (lastAnswer ?? now) > REPORT_LAG_MS ? now : known;
  return Array.from({ length: scale.columns }, (_, column): Cell => {
    const node = answered.get(column);
    if (node !== undefined) {
      const lane = laneNumber(history, node);
      return { glyph: String(lane), look: { lane } };
    }
    const span = spanOf(scale, column);
    if (span.from < begun || span.until > silentUntil) return { glyph: ' ', look: 'plain' };
    return { glyph: glyphs.silent, look: 'alarm' };
  });
}

/** The client's reports are at most this late. */
const REPORT_LAG_MS = 150;

/** A lost probe is reported this long after it was sent, among younger ones. */
const LOSS_KNOWN_AFTER_MS = 1500;

function firstProbeAfter(probes: readonly Probe[], from: Instant): number {
  let low = 0;
  let high = probes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((probes[middle]?.sentAt ?? Infinity) < from - LOSS_KNOWN_AFTER_MS) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A line with the faults' names where they struck. */
export function strikeLine(history: History, scale: Scale, screen: Screen): Cell[] {
  const line = [...text(' '.repeat(scale.columns))];
  for (const { fault, at } of history.strikes) {
    overlay(line, columnOf(scale, at), text(`${glyphsFor(screen).strike} ${fault}`, 'alarm'));
  }
  return line;
}

/** A line of ticks, one every `tickMs` counted from `origin`, each with its time in `unit`. */
export function axisLine(
  scale: Scale,
  axis: { origin: Instant; tickMs: number; unit: 'ms' | 's' },
  screen: Screen,
): Cell[] {
  const line = [...text(' '.repeat(scale.columns))];
  const end = scale.from + scale.columns * scale.columnMs;
  let tick = Math.ceil((scale.from - axis.origin) / axis.tickMs);
  for (; axis.origin + tick * axis.tickMs < end; tick += 1) {
    const ms = tick * axis.tickMs;
    const label = axis.unit === 's' ? `${ms / 1000} s` : `${ms}${tick === 0 ? ' ms' : ''}`;
    const column = columnOf(scale, axis.origin + ms);
    overlay(line, column, text(`${glyphsFor(screen).tick}${label}`, 'dim'));
  }
  return line;
}
