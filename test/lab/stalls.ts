import { spawn } from 'node:child_process';
import type { Instant } from '../../src/core/time.ts';
import type { Span } from '../../src/demo/holding.ts';
import { untilReady } from '../../src/demo/namespace.ts';
import { compile } from './compile.ts';

/** When this machine's processors were given to nobody here: a guest's host has others. */
export interface Stalls {
  /** For how many milliseconds of `span`, by the wall clock, on the processor that had it worst. */
  withinMs(span: Span): number;
}

/** The program that tells stalls of 1 ms and more; see there what it needs and prints. */
export function stallsProgram(): string {
  return compile('test/lab/stalls.cc', ['-pthread']);
}

/**
 * Begins to watch, until `atClose`. Needs CAP_SYS_NICE; without it there are none, and stderr says
 * so.
 */
export async function watchStalls(atClose: (end: () => void) => void): Promise<Stalls> {
  const child = spawn(stallsProgram(), [], { stdio: ['ignore', 'pipe', 'inherit'] });
  atClose(() => void child.kill());
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  await untilReady(child, 'watch the processors');
  return { withinMs: (span) => stalledMs(printed, span) };
}

/** The same of what the program has printed; its last line may be torn. */
export function stalledMs(printed: string, span: Span): number {
  const sums = new Map<string, number>();
  for (const line of printed.split('\n').slice(0, -1)) {
    const [processor = '', from, until] = line.split(' ');
    if (until === undefined) continue;
    const begin = Math.max(milliseconds(from), span.from);
    const length = Math.min(milliseconds(until), span.until) - begin;
    if (length > 0) sums.set(processor, (sums.get(processor) ?? 0) + length);
  }
  return Math.max(0, ...sums.values());
}

/** From nanoseconds, which are more than a number holds. */
export function milliseconds(nanoseconds = ''): Instant {
  return Number(nanoseconds.slice(0, -6)) + Number(nanoseconds.slice(-6)) / 1e6;
}
