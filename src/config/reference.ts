import type { Kind, Option, Options } from './kind.ts';
import { OPTIONS } from './options.ts';

/** docs/reference/config.md, from the table. */
export function configReference(): string {
  const lines = [
    '# Options',
    '',
    'Generated from the table in `src/config/` by `npm run docs`; change it there.',
    '',
    'The file is YAML (or JSON). A flag stands above the environment, the environment above the file,',
    'the file above the default; `fairlead config explain` shows which one gave each value. Every',
    'mistake is reported at once, by `fairlead config validate` as by the start. Keys that kube-vip 0.1',
    'had are matched in any case, as its parser did; others exactly.',
    '',
    ...section(OPTIONS, '', '##'),
    '## Known, and refused',
    '',
    'Options of kube-vip, and of later versions, that this version refuses by name:',
    '',
    ...refusedLines(OPTIONS, ''),
    '',
  ];
  return lines.join('\n');
}

function section(options: Options, at: string, heading: string): readonly string[] {
  return Object.entries(options).flatMap(([name, option]) => {
    if (option.refused) return [];
    const path = `${at}${name}`;
    const { shape } = option.kind;
    const list = shape.type === 'list';
    const parts = list ? shape.of.shape : shape;
    const below =
      parts.type === 'fields' ? section(parts.options, `${path}${list ? '[].' : '.'}`, '###') : [];
    return [`${heading} ${path}`, '', option.description, '', ...facts(option), '', ...below];
  });
}

function facts(option: Option<unknown>): readonly string[] {
  const { kind, unit, environment, flag, aliases, example } = option;
  const units = { µs: ', in microseconds', ms: ', in milliseconds', s: ', in seconds' };
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['Value', `${describe(kind)}${unit === undefined ? '' : units[unit]}`],
    ['Default', defaultOf(option)],
    ['Example', example === undefined ? undefined : code(example)],
    ['Environment', environment === undefined ? undefined : code(environment)],
    ['Flag', flag === undefined ? undefined : code(flag)],
    ['Old name', aliases.length === 0 ? undefined : aliases.map(code).join(', ')],
  ];
  return rows.flatMap(([title, text]) => (text === undefined ? [] : [`- ${title}: ${text}`]));
}

function describe({ name, shape }: Kind<unknown>): string {
  if (shape.type !== 'scalar') return name;
  const { minimum, maximum } = shape.schema;
  const range =
    minimum === undefined ? '' : ` from ${JSON.stringify(minimum)} to ${JSON.stringify(maximum)}`;
  return name.includes(range) ? name : `${name}${range}`;
}

function defaultOf({ fallback, defaultText, required }: Option<unknown>): string {
  if (required) return 'none: it must be given';
  if (defaultText !== undefined) return defaultText;
  return fallback === undefined ? 'none' : code(JSON.stringify(fallback).replaceAll('"', ''));
}

function refusedLines(options: Options, at: string): readonly string[] {
  return Object.entries(options).flatMap(([name, { kind, refused, environment, flag }]) => {
    const path = `${at}${name}`;
    const { shape } = kind;
    if (refused) {
      const names = [environment, flag].filter((each) => each !== undefined).map(code);
      return [`- ${code(path)}${names.length === 0 ? '' : ` (${names.join(', ')})`}`];
    }
    const list = shape.type === 'list';
    const parts = list ? shape.of.shape : shape;
    return parts.type === 'fields'
      ? refusedLines(parts.options, `${path}${list ? '[].' : '.'}`)
      : [];
  });
}

function code(text: string): string {
  return `\`${text}\``;
}
