// Formats the C++ sources: `node scripts/format-native.mjs`; with --check it only says which
// differ.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { clangFormatPath } from 'clang-format-node';

const root = path.resolve(import.meta.dirname, '..');
const files = ['native', 'test/native'].flatMap((folder) => sourcesBelow(folder));
const mode = process.argv.includes('--check') ? ['--dry-run', '-Werror'] : ['-i'];
const run = spawnSync(clangFormatPath, [...mode, ...files], { cwd: root, stdio: 'inherit' });
process.exitCode = run.status ?? 70;

function sourcesBelow(folder) {
  if (!existsSync(path.join(root, folder))) return [];
  return readdirSync(path.join(root, folder), { recursive: true })
    .filter((name) => /\.(cc|h)$/.test(name))
    .map((name) => path.join(folder, name));
}
