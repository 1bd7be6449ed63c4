/** What an operational error may carry besides its message. */
export interface OperationalErrorOptions {
  /** Stable, for programs: an errno name (`EPERM`) or a word of ours (`not-running`). */
  readonly code: string;
  /** What the operator does about it, in the imperative. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/**
 * Something outside this program refused or failed: the kernel, a peer, a file. The message says
 * "Cannot <verb> <quoted thing>: <what happened>"; the hint says what to do.
 */
export class OperationalError extends Error {
  override readonly name: string = 'OperationalError';
  readonly code: string;
  readonly hint: string | undefined;

  constructor(message: string, options: OperationalErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.hint = options.hint;
  }
}

/**
 * The errno name (`ENOENT`) or other code that a thrown value carries, for a message or a branch;
 * `unknown` when it carries none.
 */
export function errorCode(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return 'unknown';
  return typeof thrown.code === 'string' ? thrown.code : 'unknown';
}
