import { execFile, spawnSync } from 'node:child_process';
import path from 'node:path';

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const root = path.resolve(import.meta.dirname, '../..');
const folder = path.join(root, 'build', 'test-cli');

/** The program that `buildProgram` built. */
export const MAIN: string = path.join(folder, 'main.js');

/** Bundles what the sources say now: dist/ may be of another day, or not there. */
export function buildProgram(): void {
  const script = path.join(root, 'scripts', 'bundle.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cannot bundle: ${stderr}`);
}

/** Runs that program as a user does, in an environment that says nothing else. */
export function fairlead(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'] ?? '', ...environment };
    execFile(process.execPath, [MAIN, ...args], { env }, (error, out, err) => {
      const code = error === null ? 0 : error.code;
      resolve({ code: typeof code === 'number' ? code : -1, out, err });
    });
  });
}
