import { type Command, InvalidArgumentError } from 'commander';
import type { HandoffResult } from '../core/status/control.ts';
import { EXIT_CODES } from './command-error.ts';
import { askHandoff } from './control-client.ts';
import { formatDuration } from './duration.ts';
import { formatObject, type OutputFormat, outputOption, socketOption } from './output.ts';

interface HandoffOptions {
  readonly socket: string;
  readonly output: OutputFormat;
  readonly to?: string;
  /** Seconds. */
  readonly timeout: number;
}

/** Longer than the daemon itself waits in the slowest profile: six election timeouts. */
const DEFAULT_TIMEOUT_SECONDS = 20;

/** `fairlead handoff`: gives the VIPs to another node in order, and says how long it took. */
export function register(program: Command): void {
  program
    .command('handoff')
    .description('hand the VIPs of this node over to another one')
    .option('--to <node>', 'the node that shall lead; without it, the daemon chooses one that can')
    .option(
      '--timeout <seconds>',
      'how long to wait for the outcome',
      parseSeconds,
      DEFAULT_TIMEOUT_SECONDS,
    )
    .addOption(outputOption())
    .addOption(socketOption())
    .action(async (options: HandoffOptions) => {
      const result = await askHandoff(options.to, {
        socket: options.socket,
        timeoutMs: options.timeout * 1000,
      });
      const { output } = options;
      if (output === 'json' || output === 'yaml') {
        const { kind: outcome, ...rest } = result;
        const report = { apiVersion: 'fairlead.io/v1', kind: 'Handoff', outcome, ...rest };
        process.stdout.write(await formatObject(report, output));
      } else {
        const terminal = result.kind === 'done' ? process.stdout : process.stderr;
        terminal.write(`${describeHandoff(result, options.to)}\n`);
      }
      if (result.kind === 'refused') process.exitCode = EXIT_CODES.failed;
    });
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds > 0 && seconds <= 3600) return seconds;
  throw new InvalidArgumentError('Not a number of seconds above 0 and up to 3600.');
}

/** What came of it, and when it was refused, why and what to do. */
export function describeHandoff(result: HandoffResult, to: string | undefined): string {
  if (result.kind === 'done') {
    const { from, term, durationMs } = result;
    return `${from} handed over to ${result.to} in ${formatDuration(durationMs)} (term ${term})`;
  }
  const leader = result.leader ?? 'another node';
  switch (result.reason) {
    case 'not-leader':
      return `Cannot hand over: ${leader} leads, not this node\nRun the command on ${leader}`;
    case 'no-leader':
      return 'Cannot hand over: no node leads at present\nLook at: fairlead status';
    case 'unknown-target':
      return `Cannot hand over to "${to ?? ''}": it is no peer of this node\nLook at: fairlead status`;
    case 'already-leader':
      return `Cannot hand over to "${to ?? ''}": it leads already`;
    case 'no-eligible-peer':
      return [
        'Cannot hand over: no peer can take the VIPs',
        ...result.peers.map(({ id, why }) => `  ${id}: ${why}`),
      ].join('\n');
    case 'no-peers':
      return 'Cannot hand over: this node has no peers\nTo give the VIPs up, stop the daemon';
    case 'busy':
      return 'Cannot hand over: another handoff is on its way';
    case 'not-taken':
      return [
        'Cannot hand over: the VIPs were withdrawn here, and no other node took them in time',
        'The nodes elect a leader by themselves now; look at: fairlead status -w',
      ].join('\n');
  }
}
