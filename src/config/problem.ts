import { OperationalError } from '../core/errors.ts';
import { formatOrigin, type Origin } from './source.ts';

/** One thing that is wrong, or questionable, in what the operator wrote. */
export interface Problem {
  readonly origin: Origin;
  /** What is wrong, naming the option and quoting the value. */
  readonly what: string;
  /** What to write instead, in the imperative. */
  readonly fix: string;
}

/** `file:line:column: what is wrong; what to write instead`. */
export function formatProblem(problem: Problem): string {
  const { origin, what, fix } = problem;
  const sentence = `${what}; ${fix}`;
  return origin.kind === 'default' ? sentence : `${formatOrigin(origin)}: ${sentence}`;
}

/** The configuration cannot be used. Holds every problem that was found, not the first. */
export class ConfigError extends OperationalError {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(`Cannot use the configuration: ${problems.map(formatProblem).join('\n')}`, {
      code: 'invalid-config',
    });
    this.problems = problems;
  }
}
