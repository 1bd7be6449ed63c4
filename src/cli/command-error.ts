import { OperationalError, type OperationalErrorOptions } from '../core/errors.ts';

/** What a command ends with besides 0; documented in docs/reference/cli.md, and stable. */
export const EXIT_CODES = {
  /** The check or the condition failed. */
  failed: 1,
  /** Bad usage or configuration. */
  usage: 2,
  /** The daemon or an API is out of reach. */
  unreachable: 3,
  permission: 4,
  timeout: 5,
  /** A bug of ours. */
  bug: 70,
} as const;

export type ExitReason = keyof typeof EXIT_CODES;

/**
 * A command that cannot go on: the message and the hint go to stderr, and it ends with `exitCode`.
 */
export class CommandError extends OperationalError {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(reason: ExitReason, message: string, options: Omit<OperationalErrorOptions, 'code'>) {
    super(message, { ...options, code: reason });
    this.exitCode = EXIT_CODES[reason];
  }
}
