// Runs the tests of the native parts: `npm run test:native`. With --asan they meet a build that
// stops at the first misuse of memory or undefined behaviour (AddressSanitizer, UBSan), made beside
// the usual one in build/sanitized. Further arguments are vitest's: files, -t.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const sanitized = path.join(root, 'build', 'sanitized');
const { findHeaders } = createRequire(import.meta.url)('./setup/headers.cjs');

/** Compiles the sources as they are, with the sanitizers, in a folder that looks like the root. */
function buildSanitized() {
  mkdirSync(sanitized, { recursive: true });
  for (const name of ['binding.gyp', 'native', 'node_modules', 'package.json']) {
    const link = path.join(sanitized, name);
    if (!existsSync(link)) symlinkSync(path.join(root, name), link);
  }
  // Separate calls: what follows `--` goes to gyp from the first, and would go to make from the
  // second.
  nodeGyp('configure', '--', '-Dsanitize=address,undefined');
  nodeGyp('build');
}

function nodeGyp(command, ...more) {
  const program = path.join(root, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const options = ['--loglevel=warn', `--nodedir=${findHeaders(root).prefix}`];
  const run = spawnSync(process.execPath, [program, command, ...options, ...more], {
    cwd: sanitized,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (run.status !== 0) process.exit(1);
}

/** Node itself is not sanitized, so the library has to be there before the addon is loaded. */
function sanitizerEnvironment() {
  const compiler = process.env.CXX ?? 'g++';
  const library = execFileSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' });
  return {
    // Where node-gyp-build then looks first.
    FAIRLEAD_PREBUILD: sanitized,
    LD_PRELOAD: library.trim(),
    // V8 and the C library keep what they allocate once until the end.
    ASAN_OPTIONS: 'detect_leaks=0',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  };
}

const asan = process.argv.includes('--asan');
const wanted = process.argv.slice(2).filter((word) => word !== '--asan');
if (wanted.length === 0) wanted.push('test/native', 'test/rfc');
if (asan) buildSanitized();
const run = spawnSync(
  process.execPath,
  [path.join(import.meta.dirname, 'test.mjs'), '--testTimeout=120000', ...wanted],
  { stdio: 'inherit', env: { ...process.env, ...(asan && sanitizerEnvironment()) } },
);
process.exitCode = run.status ?? 70;
