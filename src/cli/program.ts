import { Command, CommanderError, Option } from 'commander';
import { ConfigError, formatProblem } from '../config/problem.ts';
import { OperationalError } from '../core/errors.ts';
import { CommandError, EXIT_CODES } from './command-error.ts';
import { VERSION } from './version-text.ts';

/** Adds one command, with its parts, to the tree. */
interface CommandModule {
  register(program: Command): void;
}

/**
 * The commands, in the order of the help, each loaded when it is asked for: a daemon of a few
 * megabytes should not carry the tables of `status`.
 */
const COMMANDS: Readonly<Record<string, () => Promise<CommandModule>>> = {
  run: () => import('./run.ts'),
  status: () => import('./status.ts'),
  handoff: () => import('./handoff.ts'),
  demo: () => import('./demo.ts'),
  'demo-part': () => import('./demo-part.ts'),
  check: () => import('./check.ts'),
  config: () => import('./config.ts'),
  sample: () => import('./sample.ts'),
  completion: () => import('./completion.ts'),
  version: () => import('./version.ts'),
};

/** Other names of commands: kube-vip's, whose manifests say `start`. */
const ALIASES: Readonly<Record<string, string>> = { start: 'run' };

/** Whether the command is a daemon, which has work to do when nobody reads what it says. */
export function outlivesItsReader(argv: readonly string[]): boolean {
  return commandOf(argv) === 'run';
}

/**
 * Does what the command line says, and resolves with the exit code. Data goes to stdout, all talk
 * and every error to stderr.
 */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const named = commandOf(argv);
  const program = await buildProgram(named === undefined ? Object.keys(COMMANDS) : [named]);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (err) {
    return report(err);
  }
}

/** The command tree; of all commands, or of those that are named. */
export async function buildProgram(
  names: readonly string[] = Object.keys(COMMANDS),
): Promise<Command> {
  const program = new Command('fairlead')
    .description('Keeps virtual IPs alive on a group of Linux nodes, and balances TCP behind them.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'say how it is used')
    .helpCommand('help [command]', 'say how a command is used')
    .configureHelp({ showGlobalOptions: false })
    // kube-vip has it before the command.
    .addOption(new Option('--log <level>').hideHelp())
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .exitOverride();
  for (const name of names) (await COMMANDS[name]?.())?.register(program);
  program.addHelpText(
    'after',
    '\nStart with: fairlead demo, fairlead config sample, fairlead check',
  );
  return program;
}

function commandOf(argv: readonly string[]): string | undefined {
  const before = argv[0] === '--log' ? 2 : Number(argv[0]?.startsWith('--log=') ?? false);
  const first = argv[before] ?? '';
  const name = ALIASES[first] ?? first;
  return Object.hasOwn(COMMANDS, name) ? name : undefined;
}

/** Says what went wrong on stderr, and returns the exit code that stands for it. */
function report(err: unknown): number {
  if (err instanceof CommanderError) {
    // Commander has said it already; help and version that were asked for are no errors.
    return err.exitCode === 0 ? 0 : EXIT_CODES.usage;
  }
  if (err instanceof ConfigError) {
    for (const problem of err.problems) process.stderr.write(`${formatProblem(problem)}\n`);
    return EXIT_CODES.usage;
  }
  if (!(err instanceof OperationalError)) throw err;
  process.stderr.write(`${err.message}\n`);
  if (err.hint !== undefined) process.stderr.write(`${err.hint}\n`);
  if (err instanceof CommandError) return err.exitCode;
  if (err.code === 'usage') return EXIT_CODES.usage;
  return ['EPERM', 'EACCES', 'namespaces-refused'].includes(err.code)
    ? EXIT_CODES.permission
    : EXIT_CODES.failed;
}
