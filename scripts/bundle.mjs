// Bundles src/main.ts into dist/: one start-up chunk, and a chunk for whatever is imported lazily,
// so that the daemon loads only what it runs. Into another folder when one is named, as a test
// does. With --test-fences the daemon can do without a fence (src/daemon/test-fences.ts), so that a
// test sees the others alone; nothing of that is in any other bundle.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
const words = process.argv.slice(2);
const testFences = words.includes('--test-fences');
const [folder = 'dist'] = words.filter((word) => word !== '--test-fences');
const dist = path.resolve(root, folder);
const name = path.basename(dist);
const draft = path.join(root, 'build', `${name}-draft`);
const former = path.join(root, 'build', `${name}-former`);
for (const stale of [draft, former]) rmSync(stale, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: { main: 'src/main.ts' },
  outdir: draft,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  minifySyntax: true,
  define: { 'globalThis.FAIRLEAD_TEST_FENCES': String(testFences) },
  external: ['node-gyp-build'],
  // Its modules proper: what import() gives of the CommonJS that Node would take has no names.
  alias: { yaml: path.join(root, 'node_modules', 'yaml', 'browser', 'index.js') },
  // Packages written in CommonJS call require() for Node's own modules.
  banner: {
    js: [
      "import { createRequire as createRequireForBundle } from 'node:module';",
      'const require = createRequireForBundle(import.meta.url);',
    ].join('\n'),
  },
  logLevel: 'warning',
});
// A daemon that starts meanwhile finds the old chunks or the new ones, never some of each.
mkdirSync(path.dirname(dist), { recursive: true });
if (existsSync(dist)) renameSync(dist, former);
renameSync(draft, dist);
rmSync(former, { recursive: true, force: true });
