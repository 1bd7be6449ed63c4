import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Instant } from '../../src/core/time.ts';
import type { Span } from '../../src/demo/holding.ts';
import { untilReady } from '../../src/demo/namespace.ts';
import { compile } from './compile.ts';

/** When this machine's processors were given to nobody here: a guest's host has others. */
export interface Stalls {
  /** For how many milliseconds of `span`, by the wall clock, on the processor that had it worst. */
  withinMs(span: Span): number;
}

interface Stall extends Span {
  readonly processor: string;
}

/**
 * Begins to watch, until `atClose`. Tells stalls of 1 ms and more. Needs CAP_SYS_NICE; without it
 * there are none, and stderr says so.
 */
export async function watchStalls(atClose: (end: () => void) => void): Promise<Stalls> {
  const program = compile('test/lab/stalls.cc', ['-pthread']);
  const child = spawn(program, [], { stdio: ['ignore', 'pipe', 'inherit'] });
  atClose(() => void child.kill());
  const ready = untilReady(child, 'watch the processors');
  const stalls: Stall[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [processor = '', from, until] = line.split(' ');
    if (until === undefined) return;
    stalls.push({ processor, from: milliseconds(from), until: milliseconds(until) });
  });
  await ready;
  return {
    withinMs: (span) => {
      const sums = new Map<string, number>();
      for (const { processor, from, until } of stalls) {
        const length = Math.min(until, span.until) - Math.max(from, span.from);
        if (length > 0) sums.set(processor, (sums.get(processor) ?? 0) + length);
      }
      return Math.max(0, ...sums.values());
    },
  };
}

/** From nanoseconds, which are more than a number holds. */
export function milliseconds(nanoseconds = ''): Instant {
  return Number(nanoseconds.slice(0, -6)) + Number(nanoseconds.slice(-6)) / 1e6;
}
