import os from 'node:os';
import { type Command, Option } from 'commander';
import type { Option as ConfigOption, Options } from '../config/kind.ts';
import type { ConfigSources } from '../config/load.ts';
import { OPTIONS } from '../config/options.ts';
import { longFlag } from '../config/overrides.ts';

/** Flags of the table, in the order of the table; those of a load balancer are of the first one. */
function flaggedOptions(options: Options = OPTIONS): readonly ConfigOption<unknown>[] {
  return Object.values(options).flatMap((each) => {
    const { shape } = each.kind;
    const parts = shape.type === 'list' ? shape.of.shape : shape;
    const below = parts.type === 'fields' ? flaggedOptions(parts.options) : [];
    return each.flag === undefined ? below : [each, ...below];
  });
}

/** What commander makes of the flags: text, or true for a flag alone. */
export interface Flags {
  readonly config?: string;
  readonly [name: string]: unknown;
}

/** `-c FILE`, and every flag of the table. */
export function addConfigFlags(command: Command, { file } = { file: true }): Command {
  if (file) command.option('-c, --config <file>', 'the configuration file (YAML or JSON)');
  for (const flag of configFlags()) command.addOption(flag);
  return command;
}

/** The flags of the table, as commander has them. */
export function configFlags(): readonly Option[] {
  return flaggedOptions().map(({ kind, refused, flag, description }) => {
    // Go's flags, which kube-vip's users know: a flag alone is true, `--arp=false` is not.
    const truth = kind.shape.type === 'scalar' && kind.shape.schema['type'] === 'boolean';
    const made = new Option(`${flag} ${truth || refused ? '[boolean]' : '<value>'}`, description);
    return refused ? made.hideHelp() : made;
  });
}

/** The sources that a command line names. */
export function sourcesOf(options: Flags, purpose: ConfigSources['purpose']): ConfigSources {
  const flags = new Map<string, string>();
  for (const { flag } of flaggedOptions()) {
    if (flag === undefined) continue;
    const name = longFlag(flag);
    const value = options[new Option(name).attributeName()];
    if (value === true) flags.set(name, 'true');
    else if (typeof value === 'string') flags.set(name, value);
  }
  const { config: file } = options;
  return {
    ...(file !== undefined && { file }),
    environment: process.env,
    flags,
    machine: { hostname: os.hostname(), processors: os.availableParallelism() },
    purpose,
  };
}
