import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';

// The tests, and what scripts/run.mjs bundles, are both two folders deep.
const ROOT = path.resolve(import.meta.dirname, '..', '..');
const FOLDER = path.join(ROOT, 'build', 'test', 'fences');
/** Inside it, since it is put in place as a whole. */
const STAMP = path.join(FOLDER, '.stamp');
const SOURCES = ['src', 'scripts/bundle.mjs', 'package.json'];

interface Stamps {
  fingerprint(root: string, inputs: readonly string[], words: readonly string[]): string;
  readStamp(file: string): string;
  writeStamp(file: string, text: string): void;
}

/**
 * The main.js of a daemon that can do without fences (`FAIRLEAD_WITHOUT=guard,gate`); bundled,
 * unless these very sources have been.
 */
export function testProgram(): string {
  const scripts = path.join(ROOT, 'scripts');
  const stamps: Stamps = createRequire(import.meta.url)(`${scripts}/setup/fingerprint.cjs`);
  const wanted = stamps.fingerprint(ROOT, SOURCES, []);
  if (stamps.readStamp(STAMP) !== wanted) {
    const bundle = [path.join(scripts, 'bundle.mjs'), FOLDER, '--test-fences'];
    execFileSync(process.execPath, bundle);
    stamps.writeStamp(STAMP, wanted);
  }
  return path.join(FOLDER, 'main.js');
}
