import { outlivesItsReader, runProgram } from './cli/program.ts';
import { errorCode } from './core/errors.ts';

/** sysexits.h: EX_SOFTWARE. */
const EXIT_BUG = 70;
/** How long what a command left open may keep the process; output is then long written. */
const LINGER_MS = 1000;

const argv = process.argv.slice(2);

// A mistake of ours: the process no longer knows what it holds, so it ends, and the guard
// withdraws.
process.on('unhandledRejection', endByBug);
process.on('uncaughtException', endByBug);

// A reader that has seen enough (`| head`) is no error, and a daemon goes on without its log's.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (err) => {
    if (outlivesItsReader(argv)) return;
    process.exit(errorCode(err) === 'EPIPE' ? 0 : EXIT_BUG);
  });
}

process.exitCode = await runProgram(argv);
// Ends by itself when nothing is left to do; a forgotten handle must not keep an ended daemon.
setTimeout(() => process.exit(), LINGER_MS).unref();

function endByBug(reason: unknown): void {
  const text = reason instanceof Error ? reason.stack : String(reason);
  process.stderr.write(`fairlead: a bug of ours, please report it:\n${text}\n`);
  process.exit(EXIT_BUG);
}
