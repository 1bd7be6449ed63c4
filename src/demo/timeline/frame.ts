import type { Instant } from '../../core/time.ts';
import type { History } from '../history.ts';
import { gapMs } from '../judge.ts';
import { type Cell, glyphsFor, padTo, paint, type Screen, text } from './cells.ts';
import { axisLine, clientLane, nodeLane, type Scale, strikeLine } from './lanes.ts';

/** Width of the names before the lanes. */
const LABEL_COLUMNS = 10;
const MAX_COLUMNS = 160;

/**
 * The overview scrolls by whole columns of this length, so that what was drawn does not shimmer.
 */
const OVERVIEW_COLUMN_MS = 100;

/** What a closer look shows at least, before and after the fault. */
const BEFORE_MS = 60;
const AFTER_MS = 500;

const NICE_COLUMN_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500];

/**
 * Draws everything that is known at `now`, as lines of at most the screen's width and one fewer
 * than its height: overview, a closer look at the latest fault, and one bar a fault, all on one
 * scale. What does not fit is left out, the closer look first.
 */
export function drawFrame(history: History, now: Instant, screen: Screen): readonly string[] {
  const width = Math.min(screen.columns, MAX_COLUMNS);
  const overview = drawOverview(history, now, screen, width - LABEL_COLUMNS);
  const closer = drawCloserLook(history, now, screen, width - LABEL_COLUMNS);
  const bars = drawBars(history, screen, width);
  const room = screen.rows - 1;
  const parts = [overview, closer, bars].filter((part) => part.length > 0);
  const whole = joinParts(parts);
  if (whole.length <= room) return whole.map((line) => paint(line, screen));
  const without = joinParts([overview, bars].filter((part) => part.length > 0));
  return without.slice(0, room).map((line) => paint(line, screen));
}

type Line = readonly Cell[];

function joinParts(parts: readonly (readonly Line[])[]): readonly Line[] {
  return parts.flatMap((part, index) => (index === 0 ? part : [[], ...part]));
}

function labelled(label: string, cells: Line, look: Cell['look'] = 'plain'): Line {
  return [...padTo(text(` ${label}`, look), LABEL_COLUMNS), ...cells];
}

function drawOverview(
  history: History,
  now: Instant,
  screen: Screen,
  columns: number,
): readonly Line[] {
  const newest = Math.floor((now - history.startedAt) / OVERVIEW_COLUMN_MS);
  const first = Math.max(0, newest - columns + 1);
  const scale: Scale = {
    from: history.startedAt + first * OVERVIEW_COLUMN_MS,
    columnMs: OVERVIEW_COLUMN_MS,
    columns,
  };
  const seconds = ((now - history.startedAt) / 1000).toFixed(1);
  return [
    [
      ...text(' fairlead demo', 'bold'),
      ...text(`  ${history.nodes.length} nodes, one VIP ${history.vip}  ${seconds} s`),
    ],
    text(` ${history.activity}`),
    [],
    labelled('', strikeLine(history, scale, screen)),
    ...history.nodes.map((node, index) =>
      labelled(`${index + 1} ${node}`, nodeLane(history, node, scale, now, screen), {
        lane: index + 1,
      }),
    ),
    labelled('client', clientLane(history, scale, now, screen)),
    labelled('', axisLine(scale, { origin: history.startedAt, tickMs: 1000, unit: 's' }, screen)),
    legend(screen),
  ];
}

function legend(screen: Screen): Line {
  const glyphs = glyphsFor(screen);
  const signs: readonly (readonly [string, string])[] = [
    [glyphs.held + glyphs.heldStill, 'has the VIP'],
    [glyphs.running, 'waits'],
    [glyphs.dead, 'dead'],
    [glyphs.frozen, 'frozen'],
    [glyphs.unplugged, 'unplugged'],
    ['123', 'answers'],
    [glyphs.silent, 'nobody'],
  ];
  return signs.flatMap(([sign, meaning]) => [...text(` ${sign}`), ...text(` ${meaning} `, 'dim')]);
}

/** The latest fault so close that its gap has a width: the two nodes concerned, and the client. */
function drawCloserLook(
  history: History,
  now: Instant,
  screen: Screen,
  columns: number,
): readonly Line[] {
  const strike = history.strikes.at(-1);
  if (strike === undefined) return [];
  const outcome = history.outcomes.find(({ at }) => at === strike.at);
  const silenceEnd = outcome?.silence?.until ?? strike.at;
  const shownMs = BEFORE_MS + Math.max(AFTER_MS, (silenceEnd - strike.at) * 1.1);
  const columnMs = NICE_COLUMN_MS.find((ms) => ms * columns >= shownMs) ?? 1000;
  const before = Math.ceil(BEFORE_MS / columnMs);
  const scale: Scale = { from: strike.at - before * columnMs, columnMs, columns };
  const tickMs = NICE_COLUMN_MS.find((ms) => ms / columnMs >= 10) ?? 1000;
  const concerned = history.nodes.filter(
    (node) =>
      node === strike.node ||
      history.holding.some(
        (change) =>
          change.node === node &&
          change.held &&
          change.at > strike.at &&
          change.at < scale.from + columns * columnMs,
      ),
  );
  return [
    [
      ...text(` ${strike.fault} of ${strike.node}`, 'bold'),
      ...text(`, closer: one column is ${columnMs} ms`, 'dim'),
    ],
    ...concerned
      .slice(0, 3)
      .map((node) =>
        labelled(
          `${history.nodes.indexOf(node) + 1} ${node}`,
          nodeLane(history, node, scale, now, screen),
          { lane: history.nodes.indexOf(node) + 1 },
        ),
      ),
    labelled('client', clientLane(history, scale, now, screen)),
    labelled('', axisLine(scale, { origin: strike.at, tickMs, unit: 'ms' }, screen)),
  ];
}

/** Every gap so far as a bar, on one scale. */
function drawBars(history: History, screen: Screen, width: number): readonly Line[] {
  const label = 34;
  const room = Math.max(8, width - label - 2);
  const longest = Math.max(AFTER_MS, ...history.outcomes.map(gapMs));
  return history.outcomes.map((outcome) => {
    const gap = gapMs(outcome);
    const words = ` ${outcome.fault.padEnd(8)} gap ${`${gap.toFixed(0)} ms`.padStart(8)}   `;
    const verdict = outcome.broken.length === 0 ? text('       ', 'dim') : text('BROKEN ', 'alarm');
    return [
      ...padTo([...text(words), ...verdict], label),
      ...text(bar((gap / longest) * room, screen), outcome.broken.length === 0 ? 'plain' : 'alarm'),
    ];
  });
}

/** A bar of `length` columns, to the eighth where the terminal can draw it. */
function bar(length: number, screen: Screen): string {
  const steps = glyphsFor(screen).bar;
  const perColumn = steps.length - 1;
  const parts = Math.round(length * perColumn);
  const full = steps[perColumn] ?? '';
  return full.repeat(Math.floor(parts / perColumn)) + (steps[parts % perColumn] ?? '');
}
