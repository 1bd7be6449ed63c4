import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { checkIncludes } from './tidy/includes.ts';
import { checkLayer } from './tidy/layers.ts';
import { checkEffects, checkExports, checkShape, MAX_COLUMNS } from './tidy/shape.ts';
import { codeOnly, type Finding, ROOT, readSources, type SourceFile, show } from './tidy/source.ts';
import { checkPath, checkWords } from './tidy/words.ts';

// Our style as a test: what a reviewer would say every time is said by this file instead. The rules
// are in test/tidy/, and below each check of the repository is a check that the rule bites.

const everything = readSources(['.'], ['.ts', '.mjs', '.cjs', '.cc', '.h', '.md']);
const within = (...folders: string[]): SourceFile[] =>
  everything.filter((file) => folders.includes(file.path.split('/')[0] ?? ''));
const src = within('src');
const native = within('native');
const tests = within('test');
const all = [...src, ...native, ...tests, ...within('scripts', 'bin', '.ci')];

function findings(files: readonly SourceFile[], check: (file: SourceFile) => Finding[]): string[] {
  return show(files.flatMap(check));
}

/** What a rule says about one made-up file. */
function said(check: (file: SourceFile) => Finding[], at: string, text: string): string[] {
  return check({ path: at, text }).map(({ line, what }) => `${line}: ${what}`);
}

test('every file of src/ imports only what its layer may', () => {
  expect(findings(src, checkLayer)).toEqual([]);
});

test('checkLayer() refuses what the table does not allow', () => {
  const text = `
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import type { Log } from '../telemetry/log.ts';
import { openLog } from '../telemetry/log.ts';
// import { x } from '../kube/watch.ts';
const story = \`
import { y } from '../bgp/speaker.ts';
\`;
export { z } from '../config/load.ts';
const later = await import('../daemon/daemon.ts');
`;
  expect(said(checkLayer, 'src/raft/transport.ts', text)).toEqual([
    '3: raft does not own the package "pino"',
    '5: raft may not import telemetry except for its types: ../telemetry/log.ts',
    '10: raft may not import config: ../config/load.ts',
    '11: raft may not import daemon: ../daemon/daemon.ts',
  ]);
  expect(said(checkLayer, 'src/core/time.ts', "import path from 'node:path';")).toEqual([
    '1: core may not import node:path',
  ]);
  expect(said(checkLayer, 'src/stuff/thing.ts', '')).toEqual([
    '1: src/stuff is not in test/tidy/layers.ts',
  ]);
});

test('the daemon is put together in one file', () => {
  const text = "import { openKernel } from '../dataplane/kernel.ts';";
  expect(said(checkLayer, 'src/daemon/daemon.ts', text)).toEqual([]);
  expect(said(checkLayer, 'src/daemon/world.ts', text)).toEqual([
    '1: daemon may not import dataplane: ../dataplane/kernel.ts',
  ]);
});

test('every C++ file includes only what its folder may', () => {
  expect(findings(native, checkIncludes)).toEqual([]);
});

test('checkIncludes() keeps N-API in the binding, the kernel out of it, and siblings apart', () => {
  const text = '#include <napi.h>\n#include <linux/if_addr.h>\n#include "packet/arp.h"\n';
  expect(said(checkIncludes, 'native/netlink/address.cc', text)).toEqual([
    '1: only native/binding may include napi.h',
    '3: netlink may not include packet: "packet/arp.h"',
  ]);
  expect(said(checkIncludes, 'native/binding/kernel.cc', text)).toEqual([
    '2: binding may not include linux/if_addr.h',
  ]);
  expect(said(checkIncludes, 'native/packet/arp.cc', '#include "arp.h"')).toEqual([
    '1: include "arp.h" by its folder, as "packet/arp.h"',
  ]);
});

test('no name is made of words that say nothing', () => {
  expect(findings(all, checkWords)).toEqual([]);
  expect(show(all.flatMap((file) => checkPath(file.path)))).toEqual([]);
});

test('checkWords() finds empty words in what we name, and leaves what others named', () => {
  const reminder = 'TODO';
  const text = `
const leaseManager = { info: 1 };
function handle(event: string): void {}
const processEvent = (event: string): void => {};
function readData() {}
// ${reminder} later
// ${reminder} (#12) later
log.info({ dataDir, process: process.pid }, 'data'); socket.on('data', take);
auto misc_flags = message.data() + IFLA_INFO_DATA + 1'000;
`;
  expect(said(checkWords, 'src/daemon/lease.ts', text)).toEqual([
    '2: "manager" in leaseManager: name what it does',
    '5: "data" in readData: name what it is',
    '9: "misc" in misc_flags: name what is in it',
    '3: handle(): use a verb that says what it does',
    '4: processEvent(): use a verb that says what it does',
    `6: ${reminder} without an issue: write ${reminder} (#12)`,
  ]);
});

test('checkPath() wants the spelling of the language and a name that says something', () => {
  const paths = [
    'src/core/utils.ts',
    'src/core/types.ts',
    'src/Lease.ts',
    'native/base/unique-fd.h',
  ];
  expect(paths.flatMap((name) => checkPath(name)).map(({ what }) => what)).toEqual([
    '"utils" in a path: name what they do',
    'name a file after its idea',
    'files are kebab-case',
    'C++ files are snake_case',
  ]);
  expect(checkPath('test/core/address/ip.test.ts')).toEqual([]);
});

test('files and lines are short enough to read', () => {
  expect(findings(all, checkShape)).toEqual([]);
});

test('checkShape() counts lines and columns, and leaves snapshots alone', () => {
  const wide = 'x'.repeat(MAX_COLUMNS + 1);
  const text = `const a = 1; ${wide}\nconst b = '${wide}';\nexpect(a).toBe(\`\n  ${wide}\n\`);\n// see https://x/${wide}\n// ${wide}\n`;
  expect(said(checkShape, 'src/a.ts', text)).toEqual([
    `1: ${MAX_COLUMNS + 14} columns`,
    `7: ${MAX_COLUMNS + 4} columns`,
  ]);
  expect(said(checkShape, 'src/a.ts', 'x\n'.repeat(501))).toEqual([
    '500: 501 lines, more than 500: find the second idea in it',
  ]);
  expect(said(checkShape, 'src/a.ts', 'x\n'.repeat(500))).toEqual([]);
});

test('only main.ts ends the process, and only one clock is read', () => {
  expect(findings(src, checkEffects)).toEqual([]);
  const text = 'process.exit(1);\nconst at = Date.now();\n// Date.now() would lie\n';
  expect(said(checkEffects, 'src/daemon/elector.ts', text)).toEqual([
    '1: only main.ts ends the process',
    '2: the daemon has one clock, daemon/clock.ts: take an Instant',
  ]);
  expect(said(checkEffects, 'src/main.ts', 'process.exit(1);')).toEqual([]);
});

test('every export has a name', () => {
  expect(findings([...src, ...tests], checkExports)).toEqual([]);
  expect(said(checkExports, 'src/a.ts', 'export default 1;')).toEqual([
    '1: name the export: a default one has a name of its own in every file',
  ]);
});

test('codeOnly() blanks comments, strings and patterns, and nothing else', () => {
  const text = `a('x\\'y') /* b */ + /['"]/.test(c) / d // e\nf = 1'000 + \`g \${h}\`;`;
  expect(codeOnly(text)).toBe("a(      )         +       .test(c) / d     \nf = 1'000 +         ;");
});

test('the prescribed entries are there, and installing runs nothing', () => {
  const prescribed = ['package.json', 'tsconfig.json', 'binding.gyp', 'native', 'src', 'test'];
  const missing = [...prescribed, 'prebuilds', 'Dockerfile.multiarch'].filter(
    (name) => !existsSync(path.join(ROOT, name)),
  );
  expect(missing).toEqual([]);
  const pack = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  expect(pack.gypfile).toBe(false);
  const hooks = ['preinstall', 'install', 'postinstall', 'prepare'];
  expect(hooks.filter((name) => name in pack.scripts)).toEqual([]);
});

test('package-lock.json names every optional package (else run: npm run lock)', () => {
  const lock = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'));
  const packages: Record<string, { optionalDependencies?: Record<string, string> }> = lock.packages;
  const absent = Object.entries(packages).flatMap(([where, entry]) =>
    Object.keys(entry.optionalDependencies ?? {}).filter(
      (name) =>
        !(`${where}/node_modules/${name}` in packages || `node_modules/${name}` in packages),
    ),
  );
  expect(absent).toEqual([]);
  expect(JSON.stringify(packages)).not.toContain('"resolved"');
});

test('the documents point only at what exists', () => {
  const documents = everything.filter(({ path: name }) => name.endsWith('.md'));
  const dead = documents.flatMap(({ path: name, text }) =>
    [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
      .map((match) => path.posix.join(path.posix.dirname(name), match[1] ?? ''))
      .filter((target) => !existsSync(path.join(ROOT, target)))
      .map((target) => `${name}: ${target}`),
  );
  expect(dead).toEqual([]);
});
