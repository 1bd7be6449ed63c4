import { type Logger, pino } from 'pino';
import { OperationalError } from '../core/errors.ts';

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/**
 * A log: a constant lower-case message, and everything variable in fields. Setting `level` of the
 * one that `openLog` gave sets it in all its children.
 */
export interface Log extends Pick<Logger, LogLevel | 'level'> {
  /** The log of a part of the program. Parts are few and live as long as the process. */
  child(part: { readonly component: string }): Log;
}

/** What is written to: of a Writable, what is needed not to wait for it. */
export interface LogDestination {
  readonly writableLength: number;
  readonly destroyed: boolean;
  write(line: string): unknown;
}

/**
 * Bytes that may wait for a slow reader. A reader that has stopped must cost neither memory without
 * end nor the heartbeat that a waiting write would delay.
 */
const MAX_WAITING_BYTES = 1024 * 1024;

/**
 * JSON lines with `node` on each, and with level and time as a person reads them. Never waits: a
 * pipe or a socket takes what it can at once and the rest is queued (process.stdout does so on
 * Linux: measured with Node 20 and a pipe that nobody reads), and past a bound lines are dropped
 * and counted, which the log says when there is room again.
 */
export function openLog(options: {
  readonly node: string;
  readonly level: LogLevel;
  readonly destination?: LogDestination;
}): Log {
  const { node, level, destination = process.stdout } = options;
  const children: Logger[] = [];
  let dropped = 0;
  const write = (line: string): void => {
    if (destination.destroyed || destination.writableLength > MAX_WAITING_BYTES) {
      dropped += 1;
      return;
    }
    if (dropped > 0) {
      const lines = dropped;
      dropped = 0;
      root.warn({ component: 'log', dropped: lines }, 'log lines dropped for want of a reader');
    }
    destination.write(line);
  };
  const root = pino(
    {
      base: { node },
      level,
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: tellError },
      onChild: (child) => void children.push(child),
    },
    { write },
  );
  // A child takes over its parent's level once, when it is made.
  root.on('level-change', (label, _value, _label, _previous, logger) => {
    if (logger === root) for (const child of children) child.level = label;
  });
  return root;
}

/** What the outside refused has a message, a code and a hint; our stack says nothing about it. */
function tellError(err: unknown): unknown {
  if (!(err instanceof Error)) return err;
  const { stack, ...told } = pino.stdSerializers.err(err);
  return err instanceof OperationalError ? told : { ...told, stack };
}
