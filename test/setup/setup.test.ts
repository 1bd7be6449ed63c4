import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../tidy/source.ts';

// What set-up says on a machine that lacks something. It runs in a copy of the checkout without
// node_modules, so that there is always something to do; nothing here reaches a real registry.

const folder = mkdtempSync(path.join(os.tmpdir(), 'fairlead setup '));
const checkout = path.join(folder, 'a clone');
const emptyPath = path.join(folder, 'nothing');

beforeAll(() => {
  mkdirSync(checkout);
  mkdirSync(emptyPath);
  for (const name of ['scripts', 'package.json', 'package-lock.json', '.npmrc', 'binding.gyp']) {
    cpSync(path.join(ROOT, name), path.join(checkout, name), { recursive: true });
  }
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Run {
  readonly code: number | null;
  /** The lines after the first, which names Node. */
  readonly said: readonly string[];
  readonly first: string;
}

/** Runs set-up with nothing in its environment but what is given. */
function runSetup(env: Record<string, string> = {}, preload?: string): Run {
  const before = preload === undefined ? [] : ['--require', preload];
  const run = spawnSync(process.execPath, [...before, 'scripts/setup.cjs'], {
    cwd: checkout,
    env,
    encoding: 'utf8',
  });
  expect(run.stdout).toBe('');
  const [first = '', ...said] = run.stderr.trimEnd().split('\n');
  return { code: run.status, first, said };
}

/** Makes set-up believe that it runs somewhere else. */
function pretend(name: string, code: string): string {
  const file = path.join(folder, `${name}.cjs`);
  writeFileSync(file, code);
  return file;
}

test('an old Node is told which it is, where, and what to do', () => {
  const old = pretend(
    'old',
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.18.3' } });`,
  );
  const { code, first, said } = runSetup({}, old);
  expect(code).toBe(2);
  expect(first).toBe(`fairlead set-up: Node 20.18.3 (${process.execPath})`);
  expect(said).toEqual([
    `fairlead set-up: Node 20.18.3 is running (${process.execPath}), and fairlead needs 20.19 or ` +
      'newer; install Node 22 (https://nodejs.org/en/download) or run "nvm install 22", and see ' +
      'that it comes first in PATH',
  ]);
});

test.each([
  ['win32', 'run it inside WSL 2 (wsl --install) or a Linux virtual machine'],
  ['darwin', 'run it in a Linux virtual machine or on a Linux host'],
])('%s is told to use Linux', (platform, cure) => {
  const elsewhere = pretend(
    platform,
    `Object.defineProperty(process, 'platform', { value: '${platform}' });`,
  );
  const { code, said } = runSetup({}, elsewhere);
  expect(code).toBe(2);
  expect(said).toEqual([
    `fairlead set-up: this is ${platform}, and virtual IPs are set in the Linux kernel; ${cure}`,
  ]);
});

test('WSL 1 is told to become WSL 2', () => {
  const wsl = pretend(
    'wsl',
    `const fs = require('fs');
     const read = fs.readFileSync;
     fs.readFileSync = (file, ...rest) =>
       file === '/proc/sys/kernel/osrelease' ? '4.4.0-19041-Microsoft\\n' : read(file, ...rest);`,
  );
  const { code, said } = runSetup({}, wsl);
  expect(code).toBe(2);
  expect(said).toEqual([
    'fairlead set-up: this is WSL 1, which has no Linux kernel; run "wsl --set-version ' +
      '<distribution> 2" in Windows',
  ]);
});

test.each([
  ['ID=debian\n', 'apt-get update && apt-get install -y g++ make python3'],
  ['ID=ubuntu\nID_LIKE=debian\n', 'apt-get update && apt-get install -y g++ make python3'],
  ['ID="rocky"\nID_LIKE="rhel centos fedora"\n', 'dnf install -y gcc-c++ make python3'],
  ['ID=alpine\n', 'apk add g++ make python3 linux-headers'],
])('missing tools are named together, with the command of %j', (release, command) => {
  const elsewhere = pretend(
    'release',
    `const fs = require('fs');
     const read = fs.readFileSync;
     process.getuid = () => 0;
     fs.readFileSync = (file, ...rest) =>
       file === '/etc/os-release' ? ${JSON.stringify(release)} : read(file, ...rest);`,
  );
  const { code, said } = runSetup({ PATH: emptyPath }, elsewhere);
  expect(code).toBe(2);
  expect(said.at(-1)).toBe(
    `fairlead set-up: a C++ compiler (g++), make, python3 not found; run: ${command}`,
  );
});

test('someone who is not root is told to use sudo', () => {
  const { said } = runSetup({ PATH: emptyPath }, pretend('uid', 'process.getuid = () => 1000;'));
  expect(said.at(-1)).toMatch(/; run: sudo \S+ |; install a C\+\+20 compiler/);
});

test('a registry out of reach is said before anything is downloaded', () => {
  const { code, said } = runSetup({
    PATH: process.env['PATH'] ?? '',
    HOME: emptyPath,
    // Port 9 (discard) answers nobody here.
    npm_config_registry: 'http://127.0.0.1:9/',
  });
  expect(code).toBe(2);
  expect(said.at(-1)).toMatch(
    /^fairlead set-up: the npm registry is out of reach \(.*127\.0\.0\.1:9.*\); connect this machine/,
  );
  expect(said.filter((line) => line.startsWith('fairlead set-up:'))).toHaveLength(1);
});

test('a failed step is one line with its cause, and its log is kept', () => {
  const manifest = path.join(checkout, 'package.json');
  const text = readFileSync(manifest, 'utf8');
  writeFileSync(manifest, text.replace(/"node-gyp-build": "[^"]+"/, '"node-gyp-build": "0.0.1"'));
  // An npm that finds the registry in order, and then does what the real one does.
  const npm = path.join(folder, 'npm-cli.js');
  writeFileSync(
    npm,
    `if (process.argv[2] === 'view') process.exit(0);
     console.error('npm error code EUSAGE\\nnpm error\\nnpm error They are not in sync.');
     process.exit(1);`,
  );
  const { code, said } = runSetup({ PATH: process.env['PATH'] ?? '', npm_execpath: npm });
  writeFileSync(manifest, text);
  expect(code).toBe(1);
  expect(said.at(-1)).toBe(
    'fairlead set-up: packages failed: They are not in sync.; package-lock.json does not match ' +
      'package.json; run: git checkout package-lock.json (all of it: build/logs/packages.log)',
  );
  expect(readFileSync(path.join(checkout, 'build/logs/packages.log'), 'utf8')).toContain('EUSAGE');
});
