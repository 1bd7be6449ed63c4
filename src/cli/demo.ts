import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Fault, USUAL_FAULTS } from '../demo/history.ts';
import type { DemoReport } from '../demo/report.ts';
import { askHandoff, askStatus } from './control-client.ts';
import { type Column, formatTable } from './table.ts';

interface DemoFlags {
  readonly nodes: number;
  /** In the order in which they are done. */
  readonly faults: readonly Fault[];
  readonly json?: boolean;
}

const FAULTS: readonly Fault[] = ['handoff', 'stop', 'kill', 'freeze', 'unplug'];

const STATUS_TIMEOUT_MS = 500;
const HANDOFF_TIMEOUT_MS = 5000;

/** `fairlead demo`: three nodes in namespaces of this machine, and what becomes of their VIP. */
export function register(program: Command): void {
  program
    .command('demo')
    .description(
      'watch nodes on this machine elect a leader, lose it in several ways and take over',
    )
    .option('--nodes <number>', 'how many nodes, 2 to 7', parseNodes, 3)
    .addOption(
      new Option('--faults <list>', `what is done to the leader, in turn: ${FAULTS.join(', ')}`)
        .argParser(parseFaults)
        .default(USUAL_FAULTS, USUAL_FAULTS.join(',')),
    )
    .option('--json', 'print the result as JSON, and everything else to stderr')
    .action(async ({ nodes, faults, json }: DemoFlags) => {
      // Only who asks for the demo waits for it to load.
      const { runDemo } = await import('../demo/command.ts');
      const control = {
        status: (socket: string) => askStatus({ socket, timeoutMs: STATUS_TIMEOUT_MS }),
        handoff: (socket: string) =>
          askHandoff(undefined, { socket, timeoutMs: HANDOFF_TIMEOUT_MS }),
      };
      const print = (report: DemoReport): void => printReport(report, json === true);
      process.exitCode = await runDemo({ nodes, faults, json: json === true }, control, print);
    });
}

function parseNodes(text: string): number {
  if (/^[2-7]$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Not a number of nodes from 2 to 7.');
}

function parseFaults(text: string): readonly Fault[] {
  return text.split(',').map((word) => {
    const fault = FAULTS.find((known) => known === word.trim());
    if (fault !== undefined) return fault;
    throw new InvalidArgumentError(`"${word.trim()}" is none of ${FAULTS.join(', ')}.`);
  });
}

const COLUMNS: readonly Column[] = [
  { title: 'FAULT' },
  { title: 'FROM' },
  { title: 'TO' },
  { title: 'GAP', align: 'right' },
  { title: 'TWO HOLDERS', align: 'right' },
  { title: 'REQUESTS FAILED', align: 'right' },
];

const KEPT = [
  "No two nodes held the VIP at once, in the order of the kernel's own events.",
  'Gap: the longest silence of the address, asked every millisecond (UDP).',
  'Requests: TCP through the balancer, which stands still with a frozen daemon.',
];

function printReport(report: DemoReport, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  const rows = report.faults.map(({ fault, from, to, gapMs, twoHoldersMs, requests }) =>
    [
      fault,
      from,
      to ?? '-',
      `${gapMs.toFixed(0)} ms`,
      `${twoHoldersMs} ms`,
      `${requests.failed} of ${requests.total}`,
    ].map((text) => ({ text })),
  );
  const width = process.stdout.columns ?? 80;
  const table = rows.length === 0 ? [] : ['', ...formatTable(COLUMNS, rows, width)];
  const verdict = report.broken.map((what) => `BROKEN: ${what}`);
  const lines = [...table, '', ...(verdict.length === 0 ? KEPT : verdict)];
  process.stdout.write(`${lines.join('\n')}\n`);
}
