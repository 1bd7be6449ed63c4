// Runs a TypeScript program of this repository (a benchmark, the simulator) on any supported Node:
// `node scripts/run.mjs test/sim/main.ts --seeds 1000`. Bundles it first; Node 20 strips no types.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const [entry, ...rest] = process.argv.slice(2);
if (entry === undefined) {
  console.error('usage: node scripts/run.mjs FILE.ts [ARGUMENT...]');
  process.exit(2);
}
const root = path.resolve(import.meta.dirname, '..');
const outdir = path.join(root, 'build', 'run');
mkdirSync(outdir, { recursive: true });
const outfile = path.join(outdir, `${entry.replaceAll(/[^a-z0-9]+/gi, '-')}.mjs`);
await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  packages: 'external',
  sourcemap: 'inline',
  logLevel: 'warning',
});
const run = spawnSync(process.execPath, ['--enable-source-maps', outfile, ...rest], {
  stdio: 'inherit',
});
process.exit(run.status ?? 70);
