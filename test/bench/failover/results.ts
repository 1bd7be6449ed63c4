import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { invariant } from '../../../src/core/invariant.ts';
import { machineLine, median } from '../rounds.ts';
import type { Contender } from './contender.ts';
import { ALL_FAULTS, FAULTS, type Fault } from './fault.ts';
import { drawPlot } from './plot.ts';
import type { Round } from './round.ts';

/** Every round of every contender, in the order in which they were played. */
export type Measured = MeasuredRound[];

interface MeasuredRound extends Round {
  readonly contender: string;
  readonly profile: Contender['profile'];
}

/** The rounds of one contender and fault. */
export interface Row {
  readonly contender: string;
  readonly fault: Fault;
  /** In milliseconds; missing where nothing is promised. */
  readonly goalMs: number | undefined;
  readonly rounds: readonly Round[];
}

/** A machine with other work to do makes gaps longer; so much is no defect of ours. */
const BUSY_FACTOR = 3;

function rowsOf(measured: Measured): readonly Row[] {
  const ours = measured.filter(({ profile }) => profile !== undefined);
  const contenders = [...new Set([...ours, ...measured].map(({ contender }) => contender))];
  return ALL_FAULTS.flatMap((fault) =>
    contenders.flatMap((contender) => {
      const rounds = measured.filter((one) => one.fault === fault && one.contender === contender);
      const profile = rounds[0]?.profile;
      const goalMs = profile === undefined ? undefined : FAULTS[fault].goalsMs[profile];
      return rounds.length === 0 ? [] : [{ contender, fault, goalMs, rounds }];
    }),
  );
}

/**
 * What must not have happened, in words; empty when every promise was kept. Lengths of gaps are
 * judged by the rounds for which the host left the machine alone.
 */
export function verdict(measured: Measured): readonly string[] {
  return rowsOf(measured).flatMap(({ contender, fault, goalMs, rounds }) => {
    const where = `${contender}, ${fault}`;
    const bad = rounds.filter((round) => round.broken.length > 0);
    const example = bad[0]?.broken.join('; ');
    const count = `${bad.length} of ${rounds.length} rounds`;
    const broken = example === undefined ? [] : [`${count}, the first: ${example}`];
    const own = rounds.filter(({ stolenInAllMs }) => stolenInAllMs === 0);
    const gap = own.length === 0 ? 0 : median(own.map(({ gapMs }) => gapMs));
    if (gap > BUSY_FACTOR * (goalMs ?? Infinity)) {
      broken.push(`the median gap is ${gap.toFixed(0)} ms, where ${goalMs} ms are allowed`);
    }
    return broken.map((what) => `${where}: ${what}`);
  });
}

/** Prints the machine and a Markdown table that keeps every round. */
export function printResults(measured: Measured): void {
  console.log(`${machineLine()}\n\n${tableOf(rowsOf(measured))}`);
}

function tableOf(rows: readonly Row[]): string {
  const head = [
    'fault',
    'who',
    'goal, ms',
    'min',
    'median',
    'max',
    'max without *',
    'bound twice, max ms',
    'answered twice, max ms',
    'gaps of all rounds, ms',
  ];
  const lines = rows.map(({ contender, fault, goalMs, rounds }) => {
    const gaps = rounds.map(({ gapMs }) => gapMs);
    const own = gapsOfOwn(rounds);
    const cells = [
      FAULTS[fault].words,
      contender,
      goalMs === undefined ? '' : `≤ ${goalMs}`,
      ...[Math.min(...gaps), median(gaps), Math.max(...gaps)].map((gap) => gap.toFixed(1)),
      own.length === 0 ? '' : Math.max(...own).toFixed(1),
      Math.max(...rounds.map(({ boundTwiceMs }) => boundTwiceMs)).toFixed(0),
      Math.max(...rounds.map((round) => round.answeredTwiceMs)).toFixed(0),
      rounds
        .map(({ gapMs, stolenMs }) => `${gapMs.toFixed(1)}${stolenMs > 0 ? '*' : ''}`)
        .join(' '),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [`| ${head.join(' | ')} |`, `|${head.map(() => '---|').join('')}`, ...lines].join('\n');
}

/** Of the rounds in which the host gave this machine all the time that it wanted. */
function gapsOfOwn(rounds: readonly Round[]): readonly number[] {
  return rounds.filter(({ stolenMs }) => stolenMs === 0).map(({ gapMs }) => gapMs);
}

/**
 * Writes every round as a table, for machines and as a plot to docs/benchmarks/, and what came of
 * them to docs/benchmarks.md, where a pair of marks is.
 */
export function writeResults(measured: Measured, group: '3' | '2+1'): void {
  const folder = path.join('docs', 'benchmarks');
  mkdirSync(folder, { recursive: true });
  const name = group === '3' ? 'failover' : 'failover-witness';
  const rows = rowsOf(measured);
  const title = group === '3' ? 'Three nodes' : 'Two nodes and a witness (`voterOnly`)';
  const page = `# ${title}: every round

Written by \`npm run bench:failover\`, which [the benchmarks](../benchmarks.md) explain.

${machineLine()}

\\* the host of this virtual machine gave a processor to others for 1 ms or more during that gap.

![gaps by fault](${name}.svg)

${tableOf(rows)}
`;
  writeFileSync(path.join(folder, `${name}.md`), page);
  writeFileSync(path.join(folder, `${name}.svg`), drawPlot(rows));
  writeFileSync(path.join(folder, `${name}.json`), documentOf(rows));
  const summary = `${title}: median / worst gap, ms; [in brackets] the worst of the rounds in which the
host of this virtual machine took no processor time from it. ${machineLine()}

${summaryOf(rows)}

![gaps by fault](benchmarks/${name}.svg)

Every round: [table](benchmarks/${name}.md), [JSON](benchmarks/${name}.json).`;
  replaceBetweenMarks(path.join('docs', 'benchmarks.md'), name, summary);
}

function replaceBetweenMarks(file: string, name: string, text: string): void {
  const before = readFileSync(file, 'utf8');
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- end of ${name} -->`];
  const [from, until] = [before.indexOf(begin), before.indexOf(end)];
  invariant(from >= 0 && until > from, `${file} has the marks of ${name}`);
  const head = before.slice(0, from + begin.length);
  writeFileSync(file, `${head}\n${text}\n\n${before.slice(until)}`);
}

/** A line for each fault, a column for each contender. */
function summaryOf(rows: readonly Row[]): string {
  const ours = rows.filter(({ goalMs }) => goalMs !== undefined);
  const contenders = [...new Set([...ours, ...rows].map(({ contender }) => contender))];
  const faults = [...new Set(rows.map(({ fault }) => fault))];
  const lines = faults.map((fault) => {
    const cells = contenders.map((contender) =>
      cellOf(rows.find((row) => row.fault === fault && row.contender === contender)),
    );
    return `| ${[FAULTS[fault].words, ...cells].join(' | ')} |`;
  });
  const head = ['fault', ...contenders];
  return [`| ${head.join(' | ')} |`, `|${head.map(() => '---|').join('')}`, ...lines].join('\n');
}

function cellOf(row: Row | undefined): string {
  if (row === undefined) return '';
  const gaps = row.rounds.map(({ gapMs }) => gapMs);
  const goal = row.goalMs === undefined ? '' : ` (≤ ${row.goalMs})`;
  const twice = row.rounds.some(({ answeredTwiceMs }) => answeredTwiceMs > 0);
  const [worst, own] = [Math.max(...gaps), Math.max(...gapsOfOwn(row.rounds))];
  const stolen = own < worst && own > 0 ? ` [${own.toFixed(0)}]` : '';
  const measured = `${median(gaps).toFixed(0)} / ${worst.toFixed(0)}${stolen}${goal}`;
  return twice ? `**two holders**, ${measured}` : measured;
}

/** One line for each contender and fault. */
function documentOf(rows: readonly Row[]): string {
  const lines = rows.map(({ contender, fault, goalMs, rounds }) =>
    JSON.stringify({
      contender,
      fault,
      goalMs: goalMs ?? null,
      gapsMs: rounds.map(({ gapMs }) => Math.round(gapMs * 10) / 10),
      stolenMs: rounds.map(({ stolenMs }) => Math.round(stolenMs * 10) / 10),
      boundTwiceMs: rounds.map(({ boundTwiceMs }) => Math.round(boundTwiceMs)),
      answeredTwiceMs: rounds.map((round) => round.answeredTwiceMs),
      moves: rounds.map(({ moves }) => moves),
      broken: [...new Set(rounds.flatMap((round) => round.broken))],
    }),
  );
  const machine = JSON.stringify(machineLine());
  return `{"machine": ${machine},\n"rows": [\n${lines.join(',\n')}\n]}\n`;
}
