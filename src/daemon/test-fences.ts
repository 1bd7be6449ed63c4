import { OperationalError } from '../core/errors.ts';

/**
 * What a build for tests can do without, so that each of the others is seen alone: a fence, or what
 * an older kernel's gate lacks (the hooks of links; the ownership that protects its tables).
 */
const FENCES = ['guard', 'gate', 'lifetime', 'gate-netdev', 'gate-owner'] as const;

export type Fence = (typeof FENCES)[number];

/** Where a test names the fences to do without: `guard,gate`. */
export const WITHOUT_VARIABLE = 'FAIRLEAD_WITHOUT';

declare global {
  /**
   * Whether this is a build for tests. scripts/bundle.mjs puts the answer in its place, so whatever
   * stands behind it is not in the release; where nothing is bundled, it is not there.
   */
  var FAIRLEAD_TEST_FENCES: boolean | undefined;
}

/**
 * The fences to do without: none, but for what `FAIRLEAD_WITHOUT` says in a build for tests.
 *
 * @throws {OperationalError} when any other build is asked to, or one that is none is named. To
 *   serve with a fence less than was asked for, or with all when none was, proves nothing.
 */
export function fencesToDoWithout(
  environment: Readonly<Record<string, string | undefined>>,
): ReadonlySet<Fence> {
  const text = environment[WITHOUT_VARIABLE];
  if (text === undefined) return new Set();
  if (!globalThis.FAIRLEAD_TEST_FENCES) throw refusal('fences cannot be switched off');
  const names = text.split(',').filter((name) => name !== '');
  return new Set(
    names.map((name) => {
      const fence = FENCES.find((one) => one === name);
      if (fence === undefined) throw refusal(`"${name}" is none of ${FENCES.join(', ')}`);
      return fence;
    }),
  );
}

function refusal(why: string): OperationalError {
  return new OperationalError(`Cannot do what ${WITHOUT_VARIABLE} says: ${why}`, {
    code: 'usage',
    hint: `Unset ${WITHOUT_VARIABLE}; only builds for tests know it`,
  });
}
