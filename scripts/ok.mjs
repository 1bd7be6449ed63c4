// `npm run ok`: every check that needs no privileges and under a minute, one line each. What fails
// shows all that it said; the rest stays quiet.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const tool = (name) => path.join(root, 'node_modules', '.bin', name);

/** The tests that open no socket to the kernel and start no daemon; most are pure. */
const TESTS = ['tidy', 'setup', 'core', 'scenario', 'config', 'telemetry', 'cli'];
const tests = TESTS.map((name) => `test/${name}`).filter((name) => {
  return existsSync(path.join(root, name)) || existsSync(path.join(root, `${name}.test.ts`));
});

/** What needs the native build comes after it; the rest goes on beside it. */
const LANES = [
  [
    { name: 'native build, warnings are errors', command: ['node', 'scripts/setup.cjs'] },
    { name: 'tests of frames', command: [tool('vitest'), 'run', 'test/rfc'] },
  ],
  [
    { name: 'format: TypeScript', command: [tool('biome'), 'ci', '--error-on-warnings', '.'] },
    { name: 'format: C++', command: ['node', 'scripts/format-native.mjs', '--check'] },
    { name: 'types', command: [tool('tsc'), '-b'] },
    { name: 'lint', command: [tool('oxlint'), '--type-aware', '--deny-warnings'] },
    { name: 'dead code and packages', command: [tool('knip'), '--no-progress'] },
    { name: 'tests', command: [tool('vitest'), 'run', '--fileParallelism', ...tests] },
  ],
];

/** Runs one check; resolves to whether it passed. */
function check({ name, command: [program, ...args] }) {
  const startedAt = performance.now();
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
  }
  return new Promise((resolve) => {
    child.on('error', (err) => {
      said += err.message;
    });
    child.on('close', (code) => {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      console.log(`${code === 0 ? 'ok  ' : 'FAIL'}  ${name.padEnd(36)}${seconds.padStart(6)} s`);
      if (code !== 0) console.log(said.trimEnd());
      resolve(code === 0);
    });
  });
}

async function checkInTurn(lane) {
  const passed = [];
  for (const one of lane) passed.push(await check(one));
  return passed;
}

const passed = (await Promise.all(LANES.map(checkInTurn))).flat();
process.exitCode = passed.every(Boolean) ? 0 : 1;
