// Runs clang-tidy over the C++ sources, with the compiler's flags that matter to it:
// `npm run native:tidy`. It is a tool of one's own: pip install clang-tidy==23.1.4
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const { findHeaders } = createRequire(import.meta.url)('./setup/headers.cjs');
const files = readdirSync(path.join(root, 'native'), { recursive: true })
  .filter((name) => name.endsWith('.cc'))
  .map((name) => path.join('native', name));
const flags = ['-std=c++20', '-Inative', '-isystem', 'node_modules/node-addon-api'];
flags.push(
  '-isystem',
  findHeaders(root).folder,
  '-DNAPI_VERSION=8',
  '-DNAPI_DISABLE_CPP_EXCEPTIONS',
);
const clangTidy = process.env.CLANG_TIDY ?? 'clang-tidy';
const wanted = process.argv.length > 2 ? process.argv.slice(2) : files;
const run = spawnSync(clangTidy, ['--quiet', ...wanted, '--', ...flags], {
  cwd: root,
  stdio: 'inherit',
});
if (run.error !== undefined) {
  console.error(`Cannot run "${clangTidy}": ${run.error.message}; pip install clang-tidy==23.1.4`);
}
process.exitCode = run.status ?? 2;
