import os from 'node:os';
import { invariant } from '../../src/core/invariant.ts';

/** What every round measured, by what was measured. */
export type Rounds = Map<string, number[]>;

export function addRound(rounds: Rounds, name: string, measured: number): void {
  rounds.set(name, [...(rounds.get(name) ?? []), measured]);
}

/** What was measured on, and how busy it was at the end. */
export function machineLine(): string {
  const load = os.loadavg().map((value) => value.toFixed(1));
  return `Linux ${os.release()}, ${os.cpus().length} CPUs, Node ${process.versions.node}, load
average over 1, 5 and 15 min at the end ${load.join(', ')}`;
}

/** Prints the machine and a Markdown table that keeps every round. */
export function printRounds(rounds: Rounds, unit: string): void {
  console.log(`${machineLine()}\n`);
  console.log(`| ${unit} | min | median | max | all rounds |\n|---|---|---|---|---|`);
  for (const [name, measured] of rounds) {
    const cells = [Math.min(...measured), median(measured), Math.max(...measured)];
    const all = measured.map((value) => value.toFixed(1)).join(' ');
    console.log(`| ${name} | ${cells.map((value) => value.toFixed(1)).join(' | ')} | ${all} |`);
  }
}

export function median(measured: readonly number[]): number {
  const sorted = measured.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  invariant(low !== undefined && high !== undefined, 'there was a round');
  return (low + high) / 2;
}
