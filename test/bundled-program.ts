import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';

const ROOT = path.resolve(import.meta.dirname, '..');

/** A child process and the lines that it has written so far. */
export interface RunningProgram {
  readonly child: ChildProcess;
  readonly lines: readonly string[];
  /** Kills it, if it still runs, and waits for its end. */
  end(): Promise<void>;
}

/** Bundles a TypeScript program of this repository; Node 20 strips no types. */
export async function bundleProgram(entry: string): Promise<string> {
  const outfile = path.join(ROOT, 'build', 'run', `${entry.replaceAll(/[^a-z0-9]+/gi, '-')}.mjs`);
  await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    packages: 'external',
    logLevel: 'warning',
  });
  return outfile;
}

/** Starts a bundled program. */
export function runProgram(bundle: string, args: readonly string[]): RunningProgram {
  const child = spawn(process.execPath, [bundle, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    child,
    lines,
    end() {
      child.kill('SIGKILL');
      return ended;
    },
  };
}
