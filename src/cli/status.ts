import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Status } from '../core/status/status.ts';
import { CommandError } from './command-error.ts';
import { askStatus } from './control-client.ts';
import {
  drawingFor,
  formatObject,
  type OutputFormat,
  outputOption,
  socketOption,
  type Terminal,
} from './output.ts';
import { drawStatus, summarize } from './status-table.ts';

interface StatusOptions {
  readonly socket: string;
  readonly output: OutputFormat;
  readonly watch?: boolean;
}

const ANSWER_TIMEOUT_MS = 5000;
const REDRAW_EVERY_MS = 1000;
/**
 * Without a terminal only changes are printed, so that one may look often enough to see a failover.
 */
const LOOK_EVERY_MS = 100;

/** `fairlead status`: what the daemon of this node serves, and what it knows of the others. */
export function register(program: Command): void {
  program
    .command('status')
    .description('show what the daemon on this node serves, who leads, and what is wrong')
    .addOption(outputOption())
    .addOption(socketOption())
    .option('-w, --watch', 'go on showing it: redrawn on a terminal, else a line per change')
    .action(async (options: StatusOptions) => {
      await (options.watch === true ? watchStatus(options) : printStatus(options));
    });
}

async function printStatus(options: StatusOptions): Promise<void> {
  const status = await askStatus({ socket: options.socket, timeoutMs: ANSWER_TIMEOUT_MS });
  process.stdout.write(await formatStatus(status, options.output, process.stdout));
}

/** The status as `-o` asks for it, for this terminal. */
export async function formatStatus(
  status: Status,
  output: OutputFormat,
  terminal: Terminal,
): Promise<string> {
  if (output === 'json' || output === 'yaml') return formatObject(status, output);
  const drawing = drawingFor(terminal, process.env, output === 'wide');
  return `${drawStatus(status, drawing).join('\n')}\n`;
}

/**
 * Ends only by a signal, or when there is no daemon at first; one that goes later may come back.
 */
async function watchStatus(options: StatusOptions): Promise<never> {
  const ask = { socket: options.socket, timeoutMs: ANSWER_TIMEOUT_MS };
  let shown = '';
  await askStatus(ask);
  for (;;) {
    const seen = await askStatus(ask).catch(unreachable);
    if (process.stdout.isTTY && options.output !== 'json' && options.output !== 'yaml') {
      const screen =
        seen instanceof CommandError
          ? `${seen.message}\n`
          : await formatStatus(seen, options.output, process.stdout);
      process.stdout.write(`${CLEAR_SCREEN}${screen}`);
    } else {
      shown = await appendChange(seen, shown, options.output);
    }
    await sleep(process.stdout.isTTY ? REDRAW_EVERY_MS : LOOK_EVERY_MS);
  }
}

/** Home, then clear to the end: one write, so that nothing flickers (ECMA-48 CUP, ED). */
const CLEAR_SCREEN = '\u001b[H\u001b[J';

async function appendChange(
  seen: Status | CommandError,
  shown: string,
  output: OutputFormat,
): Promise<string> {
  const summary = seen instanceof CommandError ? seen.message : summarize(seen);
  if (summary === shown) return shown;
  if (output === 'table' || output === 'wide') {
    process.stdout.write(`${new Date().toISOString()} ${summary}\n`);
  } else if (seen instanceof CommandError) {
    process.stderr.write(`${summary}\n`);
  } else if (output === 'json') {
    process.stdout.write(`${JSON.stringify(seen)}\n`);
  } else {
    process.stdout.write(`---\n${await formatObject(seen, 'yaml')}`);
  }
  return summary;
}

function unreachable(err: unknown): CommandError {
  if (err instanceof CommandError) return err;
  throw err;
}
