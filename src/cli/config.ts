import type { Command } from 'commander';
import type { Explained } from '../config/kind.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { ConfigError, formatProblem, type Problem } from '../config/problem.ts';
import { configSchema } from '../config/schema.ts';
import { formatOrigin } from '../config/source.ts';
import { loadKeyFile } from '../raft/keys.ts';
import { EXIT_CODES } from './command-error.ts';
import { addConfigFlags, type Flags, sourcesOf } from './config-flags.ts';
import { formatObject, isForPrograms, type OutputFormat, outputOption } from './output.ts';
import { printSample } from './sample.ts';
import { formatTable } from './table.ts';

interface OutputFlags extends Flags {
  readonly output: OutputFormat;
}

/** `fairlead config`: everything about the file that needs no daemon. */
export function register(program: Command): void {
  const config = program
    .command('config')
    .description('write, check and explain the configuration');
  addConfigFlags(
    config.command('sample').description('print a file to start from, with what the flags say'),
    { file: false },
  ).action(printSample);
  addConfigFlags(
    config.command('validate').description('list every mistake of a file, and touch nothing'),
  )
    .addOption(outputOption())
    .action(validate);
  addConfigFlags(config.command('explain').description('show every value, and where it comes from'))
    .addOption(outputOption())
    .action(explain);
  config
    .command('schema')
    .description('print the JSON Schema of the file, for editors')
    .action(() => {
      process.stdout.write(`${JSON.stringify(configSchema(), null, 2)}\n`);
    });
}

async function validate(options: OutputFlags): Promise<void> {
  const { problems, warnings } = await verdictOn(options);
  const { output } = options;
  if (isForPrograms(output)) {
    const report = {
      apiVersion: 'fairlead.io/v1',
      kind: 'ConfigReport',
      valid: problems.length === 0,
      problems: problems.map(reportProblem),
      warnings: warnings.map(reportProblem),
    };
    process.stdout.write(await formatObject(report, output));
  } else {
    for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
    for (const warning of warnings) process.stderr.write(`warning: ${formatProblem(warning)}\n`);
    const what = options.config ?? 'the configuration of environment and flags';
    if (problems.length === 0) process.stdout.write(`${what} is valid\n`);
    else process.stderr.write(`${what}: ${count(problems.length, 'problem')}\n`);
  }
  if (problems.length > 0) process.exitCode = EXIT_CODES.usage;
}

async function verdictOn(
  options: Flags,
): Promise<{ readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] }> {
  try {
    const { config, warnings, explained } = await load(options);
    const bad = config.peerKeyFile === undefined ? [] : keyProblems(config.peerKeyFile, explained);
    return { problems: bad, warnings };
  } catch (err) {
    if (err instanceof ConfigError) return { problems: err.problems, warnings: [] };
    throw err;
  }
}

/**
 * The loader sees that the key file can be read; whether keys are in it, only its own reader knows.
 */
function keyProblems(file: string, explained: readonly Explained[]): readonly Problem[] {
  try {
    loadKeyFile(file);
    return [];
  } catch (err) {
    const given = explained.find(({ key }) => key === 'peerKeyFile');
    const what = err instanceof Error ? err.message : String(err);
    const fix = 'write keys into it as "fairlead check" says';
    return [{ origin: given?.origin ?? { kind: 'default' }, what, fix }];
  }
}

async function explain(options: OutputFlags): Promise<void> {
  const { explained, warnings } = await load(options);
  for (const warning of warnings) process.stderr.write(`warning: ${formatProblem(warning)}\n`);
  const values = explained.map(({ key, value, origin }) => ({
    key,
    value,
    from: formatOrigin(origin),
  }));
  const { output } = options;
  if (isForPrograms(output)) {
    const report = { apiVersion: 'fairlead.io/v1', kind: 'ConfigExplanation', values };
    process.stdout.write(await formatObject(report, output));
    return;
  }
  const rows = values.map(({ key, value, from }) =>
    [key, String(value), from].map((text) => ({ text })),
  );
  const columns = [{ title: 'KEY' }, { title: 'VALUE' }, { title: 'FROM' }];
  const lines = formatTable(columns, rows, Number.POSITIVE_INFINITY);
  process.stdout.write(`${lines.join('\n')}\n`);
}

function load(options: Flags): Promise<LoadedConfig> {
  return loadConfig(sourcesOf(options, 'validate'));
}

function reportProblem({ origin, what, fix }: Problem): object {
  const { kind: from, ...place } = origin;
  return { from, ...place, what, fix };
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
