import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { stallsProgram } from './stalls.ts';

/** Before all tests: watches for as long as they run when the machine stands still. */
export function setup(): () => void {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'fairlead-stalls-'));
  const file = path.join(folder, 'stalls');
  const output = openSync(file, 'w');
  const child = spawn(stallsProgram(), [], { stdio: ['ignore', output, 'inherit'] });
  closeSync(output);
  // The processes that run the tests inherit it.
  process.env['FAIRLEAD_STALLS'] = file;
  return () => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
}
