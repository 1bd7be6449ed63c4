import type { WriteStream } from 'node:tty';
import type { Instant } from '../../core/time.ts';
import type { History } from '../history.ts';
import type { Screen } from './cells.ts';
import { drawFrame } from './frame.ts';

const REDRAW_MS = 50;

// ECMA-48 and DEC private modes (xterm, ctlseqs). A terminal that does not know 2026 ignores it.
const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const BEGIN_UPDATE = '\x1b[?2026h';
const END_UPDATE = '\x1b[?2026l';
const CLEAR_TO_END_OF_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
const CLEAR_SCREEN = '\x1b[H\x1b[2J';

/** A timeline that redraws itself in place until it is finished. */
export interface LiveTimeline {
  /** Draws the last frame, which stays, and gives the cursor back. Idempotent. */
  finish(): void;
}

/** Whether the locale says UTF-8 (POSIX: LC_ALL before LC_CTYPE before LANG). */
export function isUtf8Locale(environment: NodeJS.ProcessEnv): boolean {
  const locale = environment['LC_ALL'] || environment['LC_CTYPE'] || environment['LANG'] || '';
  return /utf-?8/i.test(locale);
}

/** What `terminal` can show, under the environment that the person set. */
export function screenOf(terminal: WriteStream, environment: NodeJS.ProcessEnv): Screen {
  return {
    columns: terminal.columns,
    rows: terminal.rows,
    color: (environment['NO_COLOR'] ?? '') === '' && terminal.hasColors(),
    unicode: isUtf8Locale(environment),
  };
}

/**
 * Redraws `history` at the bottom of `terminal` some twenty times a second. Each frame is one
 * write, line over line without erasing first, so that nothing flickers.
 */
export function startLiveTimeline(
  history: History,
  terminal: WriteStream,
  clock: () => Instant,
): LiveTimeline {
  let drawnLines = 0;
  let finished = false;
  const draw = (): void => {
    const lines = drawFrame(history, clock(), screenOf(terminal, process.env));
    const back = drawnLines > 0 ? `\x1b[${drawnLines}A\r` : '';
    const body = lines.map((line) => `${line}${CLEAR_TO_END_OF_LINE}\n`).join('');
    terminal.write(`${BEGIN_UPDATE}${back}${body}${CLEAR_BELOW}${END_UPDATE}`);
    drawnLines = lines.length;
  };
  // A narrower terminal has wrapped the old lines: where they begin is no longer known.
  const redrawAll = (): void => {
    terminal.write(CLEAR_SCREEN);
    drawnLines = 0;
    draw();
  };
  const showCursor = (): void => {
    if (!finished) terminal.write(SHOW_CURSOR);
  };
  terminal.write(HIDE_CURSOR);
  terminal.on('resize', redrawAll);
  process.on('exit', showCursor);
  const timer = setInterval(draw, REDRAW_MS);
  return {
    finish: () => {
      if (finished) return;
      clearInterval(timer);
      terminal.off('resize', redrawAll);
      draw();
      terminal.write(SHOW_CURSOR);
      finished = true;
      process.off('exit', showCursor);
    },
  };
}
