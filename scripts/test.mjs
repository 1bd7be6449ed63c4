// Runs the tests, once, inside namespaces of their own where this machine allows them: then the
// tests may do as they like with links, addresses and routes, as an ordinary user.
//
// Where namespaces are refused, or a program is missing that the tests take as their referee, those
// that make networks skip, and the end says how many and why. Under CI=true that is a failure: a
// check that silently checks nothing is worse than none.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const netns = path.join(root, 'build', 'Release', 'fairlead-netns');
const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
const { installCommand } = createRequire(import.meta.url)('./setup/tools.cjs');

/** Programs that judge what we did and are not ours. */
const REFEREES = ['ip', 'nft', 'ss', 'ping', 'tcpdump'];

function isInstalled(program) {
  // An ordinary user's PATH may lack the folders that tcpdump and ip are in.
  const folders = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`.split(':').filter(Boolean);
  return folders.some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Why no network can be made or judged here, with the cure; undefined when it can. */
function refusal() {
  const missing = REFEREES.filter((program) => !isInstalled(program));
  if (missing.length > 0) return `${missing.join(', ')} not found; ${installCommand('referees')}`;
  const check = spawnSync(netns, ['check'], { encoding: 'utf8' });
  if (check.status === 0) return undefined;
  const said = check.error?.message ?? `${check.stderr}${check.stdout}`.trim();
  return said === '' ? `fairlead-netns check ended with ${check.status ?? check.signal}` : said;
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // vitest did not get far enough to write one, and has said why.
  }
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'fairlead-test-'));
const report = process.env.FAIRLEAD_TEST_REPORT ?? path.join(folder, 'report.json');
const reason = refusal();
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const command = [process.execPath, vitest, 'run', ...reporters, ...process.argv.slice(2)];
const [program, ...args] = reason === undefined ? [netns, 'run', '--', ...command] : command;
const run = spawnSync(program, args, {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`,
    ...(reason === undefined && { FAIRLEAD_NAMESPACES: '1' }),
  },
});
const skipped = readReport(report)?.numPendingTests ?? 0;
rmSync(folder, { recursive: true, force: true });

let exitCode = run.status ?? 1;
if (skipped > 0) {
  console.error(`${skipped} tests were skipped: ${reason ?? 'each says why in its file'}`);
  if (process.env.CI === 'true') {
    console.error('CI=true: a skipped test is a failure');
    exitCode ||= 1;
  }
}
process.exitCode = exitCode;
