import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'vitest';
import PACKAGES from './packages.json' with { type: 'json' };

/** Whether links, addresses and routes are ours to play with: `npm test` sees to it. */
export const inNamespaces: boolean = process.env['FAIRLEAD_NAMESPACES'] === '1';

/**
 * A test that makes networks. It is skipped where namespaces are refused; `npm test` says why at
 * the end, and fails for it under CI=true.
 */
export const needsNamespaces: ReturnType<typeof test.skipIf> = test.skipIf(!inNamespaces);

/** What the lab calls that is not its own: each with the package of Debian that has it. */
export type Referee = keyof typeof PACKAGES;

const missing = Object.entries(PACKAGES).filter(([program]) => {
  const folders = (process.env['PATH'] ?? '').split(':');
  return !folders.some((folder) => existsSync(path.join(folder, program)));
});

/**
 * A test of the lab, which needs the referees besides. Where one is missing it is skipped, and its
 * name says why, and the cure.
 *
 * @param timeoutMs - How long it may take; by default what vitest.config.ts says.
 */
export function needsLab(name: string, story: () => Promise<void>, timeoutMs?: number): void {
  if (missing.length === 0) return needsNamespaces(name, story, timeoutMs);
  const programs = missing.map(([program]) => program).join(', ');
  const packages = [...new Set(missing.map(([, each]) => each))].join(' ');
  test.skip(`${name} [no ${programs} here: apt-get install ${packages}]`, story);
}
