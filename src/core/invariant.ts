/** A broken promise between parts of this program: a bug of ours, never the operator's. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/**
 * Stops the process, by an exception that nobody catches, when a condition that the code relies on
 * does not hold.
 *
 * @throws {InvariantError} when `condition` is false.
 */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}
