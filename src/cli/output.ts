import { Option } from 'commander';
import type { Drawing } from './status-table.ts';
import type { Style } from './table.ts';

/**
 * Where a command writes: data to `out`, talk to `err`; of process.stdout, what the commands use.
 */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export type OutputFormat = 'table' | 'wide' | 'json' | 'yaml';

/** `-o`, as every command that prints an object has it. */
export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print it')
    .choices(['table', 'wide', 'json', 'yaml'])
    .default('table');
}

/** Whether programs shall read it, rather than a person. */
export function isForPrograms(format: OutputFormat): format is 'json' | 'yaml' {
  return format === 'json' || format === 'yaml';
}

/** The control socket to ask. */
export function socketOption(): Option {
  return new Option('--socket <path>', "the daemon's control socket")
    .env('FAIRLEAD_CONTROL_SOCKET')
    .default('/run/fairlead/fairlead.sock');
}

/** Prints an object that has `apiVersion` and `kind`, for programs. */
export async function formatObject(value: object, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${JSON.stringify(value, null, 2)}\n`;
  // Only who asks for YAML waits for its parser to load.
  const { stringify } = await import('yaml');
  return stringify(value);
}

const plain: Style = (text) => text;

/**
 * Select Graphic Rendition, ECMA-48 §8.3.117; 0 ends it. util.styleText() looks at stdout alone.
 */
function sgr(code: number): Style {
  return (text) => `\u001b[${code}m${text}\u001b[0m`;
}

/** Colours where a person looks at it, and wants them (https://no-color.org). */
export function drawingFor(
  terminal: Terminal,
  environment: Readonly<Record<string, string | undefined>>,
  wide: boolean,
): Drawing {
  const coloured =
    terminal.isTTY === true &&
    (environment['NO_COLOR'] ?? '') === '' &&
    environment['TERM'] !== 'dumb';
  return {
    width: terminal.columns ?? 80,
    wide,
    good: coloured ? sgr(32) : plain,
    bad: coloured ? sgr(31) : plain,
    dim: coloured ? sgr(2) : plain,
  };
}
