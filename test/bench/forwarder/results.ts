import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { machineLine, median } from '../rounds.ts';
import { drawRatios } from './plot.ts';
import type { Measured } from './turn.ts';
import { BUSY_POLLING, type Goal, type Metric, type Workload } from './workload.ts';

/** What each proxy measured in each round of one workload; in a round all have their turn. */
export interface Rows {
  readonly workload: Workload;
  readonly rounds: readonly ReadonlyMap<string, Measured>[];
}

/** One goal, and how it was met. */
export interface Judged {
  readonly workload: string;
  readonly goal: Goal;
  /** Ours by the peer's, in each round. */
  readonly ratios: readonly number[];
  readonly met: boolean;
  /** Whether all rounds say the same of who is ahead. */
  readonly established: boolean;
}

const OURS = 'fairlead';
const DIRECT = 'direct';

const UNITS: Readonly<Record<Metric, string>> = {
  cost: 'proxy CPU, µs a request or connection, ms a GiB',
  rate: 'requests or connections a second, Gbit/s',
  p50: 'p50, µs',
  own: 'bytes of the process a pair',
  kernel: 'bytes of the control group a pair',
  held: 'MB held a connection',
};

export function judge({ workload, rounds }: Rows): readonly Judged[] {
  return workload.goals.map((goal) => {
    const ratios = rounds.flatMap((round) => ratioOf(round, goal) ?? []);
    const middle = ratios.length === 0 ? Number.NaN : median(ratios);
    const met = goal.atMost === undefined ? middle >= (goal.atLeast ?? 0) : middle <= goal.atMost;
    const established =
      goal.peer === 'nobody' || Math.min(...ratios) > 1 || Math.max(...ratios) < 1;
    return { workload: workload.name, goal, ratios, met, established };
  });
}

function ratioOf(round: ReadonlyMap<string, Measured>, goal: Goal): number | undefined {
  const ours = round.get(goal.of ?? OURS)?.[goal.metric];
  const theirs = goal.peer === 'nobody' ? 1 : peerOf(round, goal);
  return ours === undefined || theirs === undefined || theirs === 0 ? undefined : ours / theirs;
}

function peerOf(round: ReadonlyMap<string, Measured>, { metric, peer }: Goal): number | undefined {
  if (peer !== 'best') return round.get(peer)?.[metric];
  const others = [...round]
    .filter(([name]) => name !== OURS && name !== BUSY_POLLING && name !== DIRECT)
    .flatMap(([, measured]) => measured[metric] ?? []);
  return metric === 'rate' ? Math.max(...others) : Math.min(...others);
}

/** Two tables: what was measured, and how the goals were met. */
export function tables(all: readonly Rows[]): string {
  return `${goalTable(all.flatMap(judge))}\n\n${measuredTable(all)}`;
}

function goalTable(judged: readonly Judged[]): string {
  const lines = judged.map(({ workload, goal, ratios, met, established }) => {
    const wanted = goal.atMost === undefined ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`;
    const verdict = met ? 'met' : '**missed**';
    const sure = established ? '' : ', not established';
    const cells = [
      workload,
      `${goal.of === undefined ? '' : `${goal.of}: `}${goal.metric}, by ${goal.peer === 'best' ? 'the best peer' : goal.peer}`,
      wanted,
      range(ratios),
      `${verdict}${sure}`,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const head =
    '| workload, connections | ratio | goal | median (min–max) | |\n|---|---|---|---|---|';
  return [head, ...lines].join('\n');
}

function measuredTable(all: readonly Rows[]): string {
  const names = [...new Set(all.flatMap(({ rounds }) => rounds.flatMap((one) => [...one.keys()])))];
  const metrics = Object.keys(UNITS).filter(isMetric);
  const lines = all.flatMap(({ workload, rounds }) =>
    metrics.flatMap((metric) => {
      const cells = names.map((name) => {
        const values = rounds.flatMap((round) => round.get(name)?.[metric] ?? []);
        return values.length === 0 ? '' : range(values);
      });
      if (cells.every((cell) => cell === '')) return [];
      return [`| ${[workload.name, UNITS[metric], ...cells].join(' | ')} |`];
    }),
  );
  const head = `| workload, connections | | ${names.join(' | ')} |`;
  return [head, `|---|---|${names.map(() => '---|').join('')}`, ...lines].join('\n');
}

function isMetric(name: string): name is Metric {
  return name in UNITS;
}

function range(values: readonly number[]): string {
  if (values.length === 0) return '';
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return `${short(median(values))} (${short(low)}–${short(high)})`;
}

function short(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** Writes the tables, every round for machines, and a plot to docs/benchmarks/. */
export function writeResults(all: readonly Rows[]): void {
  const folder = path.join('docs', 'benchmarks');
  mkdirSync(folder, { recursive: true });
  const page = `# Forwarder: every workload

Written by \`npm run bench:forwarder\`, which [the benchmarks](../benchmarks.md) explain.

${machineLine()}

![ratios by workload](forwarder.svg)

${tables(all)}
`;
  writeFileSync(path.join(folder, 'forwarder.md'), page);
  writeFileSync(path.join(folder, 'forwarder.svg'), drawRatios(all.flatMap(judge)));
  writeFileSync(path.join(folder, 'forwarder.json'), documentOf(all));
}

function documentOf(all: readonly Rows[]): string {
  const lines = all.map(({ workload, rounds }) =>
    JSON.stringify({
      workload: workload.name,
      rounds: rounds.map((one) => Object.fromEntries(one)),
    }),
  );
  return `{"machine": ${JSON.stringify(machineLine())},\n"rows": [\n${lines.join(',\n')}\n]}\n`;
}
