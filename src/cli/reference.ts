import type { Command } from 'commander';
import { EXIT_CODES } from './command-error.ts';
import { configFlags } from './config-flags.ts';

const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT_CODES, string>> = {
  failed: 'the check or the condition failed',
  usage: 'usage or configuration',
  unreachable: 'the daemon is out of reach',
  permission: 'permission',
  timeout: 'time-out',
  bug: 'a bug of ours',
};

/** docs/reference/cli.md, from the command tree. */
export function cliReference(program: Command): string {
  const codes = Object.entries(EXIT_CODES);
  return [
    '# Commands',
    '',
    'Generated from the command tree in `src/cli/` by `npm run docs`; change it there.',
    '',
    'Data goes to stdout, talk and errors to stderr; colours only to a terminal, and not with',
    '`NO_COLOR`. Exit codes:',
    '',
    '- 0: ok',
    ...codes.map(([name, exitCode]) => `- ${exitCode}: ${meaningOf(name)}`),
    '- 128 + n: ended by signal n',
    '',
    ...visible(program).flatMap((command) => section(command, 'fairlead', '##')),
  ].join('\n');
}

function meaningOf(name: string): string {
  return Object.entries(EXIT_MEANINGS).find(([each]) => each === name)?.[1] ?? name;
}

const tableFlags = new Set(configFlags().map(({ flags }) => flags));

function section(command: Command, above: string, heading: string): readonly string[] {
  const path = `${above} ${command.name()}`;
  const help = command.createHelp();
  const args = help.visibleArguments(command);
  const all = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  // The flags of the table stand under `run`; the others that take them say so.
  const borrowed = command.name() !== 'run' && all.some(({ long }) => long === '--localPeer');
  const options = borrowed ? all.filter(({ flags }) => !tableFlags.has(flags)) : all;
  return [
    `${heading} ${path}`,
    '',
    sentence(command.description()),
    '',
    ...block([`${path} ${command.usage()}`]),
    ...aliasLine(command, above),
    ...args.map((each) => `- \`<${each.name()}>\`: ${help.argumentDescription(each)}`),
    ...options.map((each) => `- \`${each.flags}\`: ${help.optionDescription(each)}`),
    ...(borrowed ? ['- the flags of `fairlead run` that stand for options'] : []),
    ...(args.length + all.length === 0 ? [] : ['']),
    ...visible(command).flatMap((each) => section(each, path, '###')),
  ];
}

function aliasLine(command: Command, above: string): readonly string[] {
  const alias = command.alias();
  return alias === undefined ? [] : [`Also: \`${above} ${alias}\`.`, ''];
}

function block(lines: readonly string[]): readonly string[] {
  return ['```', ...lines, '```', ''];
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function visible(command: Command): readonly Command[] {
  const all = command.createHelp().visibleCommands(command);
  return all.filter((each) => each.name() !== 'help');
}
