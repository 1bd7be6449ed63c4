import { FAULTS } from './fault.ts';
import type { Row } from './results.ts';

/**
 * The gaps as a picture: a row for each fault and contender, a dot for each round, a bar where the
 * goal is. Time grows tenfold from line to line, since gaps do from a handoff to a dead link.
 */
export function drawPlot(rows: readonly Row[]): string {
  const height = TOP + rows.length * ROW + faultCount(rows) * FAULT_SPACE + BOTTOM;
  const parts = [`<rect width="${WIDTH}" height="${height}" fill="#fff"/>`, ...scale(height)];
  const colours = coloursOf(rows);
  let y = TOP;
  let fault = '';
  for (const row of rows) {
    if (row.fault !== fault) {
      fault = row.fault;
      y += FAULT_SPACE;
      const words = FAULTS[row.fault].words.replaceAll('`', '');
      parts.push(text(8, y + ROW / 2 + 4, words, 'font-weight="bold"'));
    }
    parts.push(...drawRow(row, y + ROW / 2, colours.get(row.contender) ?? '#000'));
    y += ROW;
  }
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}"`;
  const font = 'font-family="sans-serif" font-size="11"';
  return `${open} ${font}>\n${parts.join('\n')}\n</svg>\n`;
}

const WIDTH = 900;
const TOP = 26;
const BOTTOM = 22;
const ROW = 13;
const FAULT_SPACE = 9;
const LEFT = 300;
const RIGHT = 20;
const SHORTEST_MS = 1;
const LONGEST_MS = 10_000;

const COLOURS = ['#0b6e4f', '#1f5fbf', '#6a3d9a', '#8a6d00'];

function coloursOf(rows: readonly Row[]): ReadonlyMap<string, string> {
  const names = [...new Set(rows.map(({ contender }) => contender))];
  return new Map(names.map((name, index) => [name, COLOURS[index % COLOURS.length] ?? '#000']));
}

function faultCount(rows: readonly Row[]): number {
  return new Set(rows.map(({ fault }) => fault)).size;
}

function xOf(ms: number): number {
  const clamped = Math.min(Math.max(ms, SHORTEST_MS), LONGEST_MS);
  const share = Math.log(clamped / SHORTEST_MS) / Math.log(LONGEST_MS / SHORTEST_MS);
  return LEFT + share * (WIDTH - LEFT - RIGHT);
}

function scale(height: number): readonly string[] {
  const lines: string[] = [];
  for (let ms = SHORTEST_MS; ms <= LONGEST_MS; ms *= 10) {
    const x = xOf(ms);
    const ends = `x1="${x}" x2="${x}" y1="${TOP}" y2="${height - BOTTOM}"`;
    lines.push(`<line ${ends} stroke="#ccc"/>`);
    const label = ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
    lines.push(text(x, TOP - 8, label, 'text-anchor="middle" fill="#444"'));
  }
  const legend = 'dot: a round · bar: the goal · red: two nodes answered';
  lines.push(text(LEFT, height - 7, legend, 'fill="#444"'));
  return lines;
}

function drawRow({ contender, goalMs, rounds }: Row, y: number, colour: string): readonly string[] {
  const label = text(LEFT - 8, y + 4, contender, `text-anchor="end" fill="${colour}"`);
  const goal = goalMs === undefined ? [] : [goalBar(xOf(goalMs), y)];
  const dots = rounds.map(({ gapMs, answeredTwiceMs }) => {
    const fill = answeredTwiceMs > 0 ? '#d00' : colour;
    const x = xOf(gapMs).toFixed(1);
    return `<circle cx="${x}" cy="${y}" r="2.5" fill="${fill}" fill-opacity="0.55"/>`;
  });
  return [label, ...goal, ...dots];
}

function goalBar(x: number, y: number): string {
  return `<line x1="${x}" x2="${x}" y1="${y - 6}" y2="${y + 6}" stroke="#000" stroke-width="2"/>`;
}

function text(x: number, y: number, words: string, attributes: string): string {
  return `<text x="${x}" y="${y}" ${attributes}>${words}</text>`;
}
