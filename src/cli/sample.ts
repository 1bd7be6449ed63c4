import type { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { formatSample, SAMPLE_BASE } from '../config/sample.ts';
import { addConfigFlags, type Flags, sourcesOf } from './config-flags.ts';

/** `fairlead sample config`: the old name of `config sample`. */
export function register(program: Command): void {
  const sample = program
    .command('sample', { hidden: true })
    .description('the name that config sample had in kube-vip');
  addConfigFlags(sample.command('config').description('print a file to start from'), {
    file: false,
  }).action(printSample);
}

/** What environment and flags say, over a sample of three machines. */
export async function printSample(options: Flags): Promise<void> {
  const sources = sourcesOf(options, 'validate');
  const base = { name: 'the sample', text: SAMPLE_BASE };
  const { config } = await loadConfig({ ...sources, file: base });
  process.stdout.write(formatSample(config));
}
