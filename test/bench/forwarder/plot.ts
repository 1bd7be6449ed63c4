import type { Judged } from './results.ts';

const WIDTH = 900;
const TOP = 26;
const BOTTOM = 22;
const ROW = 15;
const LEFT = 420;
const RIGHT = 20;
const LEAST = 0.1;
const MOST = 4;

/**
 * The ratios as a picture: a row for each goal, a dot for each round, a bar where the goal is.
 * Twice and half are equally far from 1.
 */
export function drawRatios(judged: readonly Judged[]): string {
  const height = TOP + judged.length * ROW + BOTTOM;
  const parts = [`<rect width="${WIDTH}" height="${height}" fill="#fff"/>`, ...scale(height)];
  judged.forEach((one, index) => parts.push(...drawRow(one, TOP + (index + 0.5) * ROW)));
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}"`;
  const font = 'font-family="sans-serif" font-size="11"';
  return `${open} ${font}>\n${parts.join('\n')}\n</svg>\n`;
}

function xOf(ratio: number): number {
  const clamped = Math.min(Math.max(ratio, LEAST), MOST);
  const share = Math.log(clamped / LEAST) / Math.log(MOST / LEAST);
  return LEFT + share * (WIDTH - LEFT - RIGHT);
}

function scale(height: number): readonly string[] {
  const lines = [0.1, 0.25, 0.5, 1, 2, 4].flatMap((ratio) => {
    const x = xOf(ratio).toFixed(1);
    const ends = `x1="${x}" x2="${x}" y1="${TOP}" y2="${height - BOTTOM}"`;
    const colour = ratio === 1 ? '#666' : '#ccc';
    const label = `<text x="${x}" y="${TOP - 8}" text-anchor="middle" fill="#444">${ratio}</text>`;
    return [`<line ${ends} stroke="${colour}"/>`, label];
  });
  const words = 'fairlead by its peer · dot: a round · bar: the goal';
  return [...lines, `<text x="${LEFT}" y="${height - 7}" fill="#444">${words}</text>`];
}

function drawRow({ workload, goal, ratios, met }: Judged, y: number): readonly string[] {
  const label = `${workload}: ${goal.metric} by ${goal.peer}`;
  const bar = xOf(goal.atMost ?? goal.atLeast ?? 1).toFixed(1);
  const ends = `x1="${bar}" x2="${bar}" y1="${y - 6}" y2="${y + 6}"`;
  const colour = met ? '#0b6e4f' : '#b00020';
  return [
    `<text x="${LEFT - 8}" y="${y + 4}" text-anchor="end" fill="${colour}">${label}</text>`,
    `<line ${ends} stroke="#000" stroke-width="2"/>`,
    ...ratios.map((ratio) => {
      const x = xOf(ratio).toFixed(1);
      return `<circle cx="${x}" cy="${y}" r="2.5" fill="${colour}" fill-opacity="0.6"/>`;
    }),
  ];
}
