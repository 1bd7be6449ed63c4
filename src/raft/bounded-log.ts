import type { Instant } from '../core/time.ts';

const SILENCE_MS = 60_000;

/**
 * Keeps what repeats out of the log: of each subject the first, and then at most one a minute, with
 * the number of those that were kept back.
 */
export class BoundedLog {
  readonly #subjects = new Map<string, { spokenAt: Instant; kept: number }>();

  /**
   * How many were kept back since the last one that was let through; undefined to keep this one.
   */
  admit(subject: string, now: Instant): number | undefined {
    const entry = this.#subjects.get(subject);
    if (entry !== undefined && now - entry.spokenAt < SILENCE_MS) {
      entry.kept += 1;
      return undefined;
    }
    this.#subjects.set(subject, { spokenAt: now, kept: 0 });
    return entry?.kept ?? 0;
  }
}
