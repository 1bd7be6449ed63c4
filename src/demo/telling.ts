import { WriteStream } from 'node:tty';
import type { Instant } from '../core/time.ts';
import type { History } from './history.ts';
import type { Narrate } from './play.ts';
import { startLiveTimeline } from './timeline/live.ts';

/** How the demo is told while it runs. */
export interface Telling {
  readonly narrate: Narrate;
  /** Leaves `out` as it was found. Idempotent. */
  finish(): void;
}

/**
 * A timeline that redraws itself where `out` is a terminal; else a line for whatever happens, with
 * the seconds since the beginning.
 */
export function startTelling(
  history: History,
  out: NodeJS.WriteStream,
  clock: () => Instant,
): Telling {
  const terminal = terminalOf(out);
  if (terminal !== undefined) {
    const timeline = startLiveTimeline(history, terminal, clock);
    return {
      narrate: (words) => {
        history.activity = words;
      },
      finish: () => timeline.finish(),
    };
  }
  return {
    narrate: (words) => {
      const seconds = ((clock() - history.startedAt) / 1000).toFixed(1);
      out.write(`${seconds.padStart(6)} s  ${words}\n`);
    },
    finish: () => {},
  };
}

function terminalOf(out: NodeJS.WriteStream): WriteStream | undefined {
  return out instanceof WriteStream && process.env['TERM'] !== 'dumb' ? out : undefined;
}
