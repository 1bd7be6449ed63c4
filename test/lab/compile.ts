import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';

/** The tests, and what scripts/run.mjs bundles, are both two folders deep. */
const ROOT = path.resolve(import.meta.dirname, '..', '..');

/**
 * Compiles a C++ source of the tests, unless this very text of it has been, and returns the path of
 * what came of it.
 *
 * @param source from the root of the repository.
 * @param folders of the sources that it is linked with, as in `native/gate`.
 */
export function compile(
  source: string,
  flags: readonly string[] = [],
  folders: readonly string[] = [],
): string {
  const text = path.join(ROOT, source);
  const files = folders.flatMap((folder) => filesOf(path.join(ROOT, folder)));
  const hash = createHash('sha256').update(readFileSync(text));
  for (const file of files) hash.update(readFileSync(file));
  const print = hash.digest('hex').slice(0, 12);
  const folder = path.join(ROOT, 'build', 'test');
  const target = path.join(folder, `${path.basename(source, '.cc')}-${print}`);
  if (existsSync(target)) return target;
  mkdirSync(folder, { recursive: true });
  const options = ['-std=c++20', '-O2', `-I${path.join(ROOT, 'native')}`, ...flags];
  const parts = files.filter((file) => file.endsWith('.cc'));
  const draft = `${target}.${process.pid}`;
  execFileSync(process.env['CXX'] ?? 'g++', [...options, '-o', draft, text, ...parts]);
  renameSync(draft, target);
  return target;
}

function filesOf(folder: string): string[] {
  return readdirSync(folder).map((name) => path.join(folder, name));
}
