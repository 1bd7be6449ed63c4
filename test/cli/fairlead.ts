import { execFile } from 'node:child_process';
import path from 'node:path';

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const BIN = path.resolve(import.meta.dirname, '../../bin/fairlead.cjs');

/** Runs the built program as a user does, in an environment that says nothing else. */
export function fairlead(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'] ?? '', ...environment };
    execFile(process.execPath, [BIN, ...args], { env }, (error, out, err) => {
      const code = error === null ? 0 : error.code;
      resolve({ code: typeof code === 'number' ? code : -1, out, err });
    });
  });
}
