'use strict';
// The npm packages, exactly as package-lock.json names them. Their install scripts never run: none
// of them needs its own, and a checkout must not depend on whether npm would have allowed it.

const childProcess = require('child_process');
const fs = require('fs');
const path = require('path');
const { SetupFailure, tell } = require('./report.cjs');
const { childEnvironment, runLogged, stepFailure, substituteHome } = require('./child.cjs');

/** Asked for to see whether the registry answers; any package of ours would do. */
const PROBED_PACKAGE = 'node-gyp-build';

const CURES = {
  ENOSPC: 'free some disk space',
  EINTEGRITY: 'run: npm cache clean --force',
  EACCES: 'make this folder and its files yours (chown), or clone it again as this user',
  EUSAGE: 'package-lock.json does not match package.json; run: git checkout package-lock.json',
  E401: 'the registry asks for a login; run: npm login',
  E403: 'the registry refuses this package; ask who runs it',
  E404: 'the registry lacks this package; run: npm config get registry',
};

/**
 * Whether node_modules holds what package-lock.json says. npm leaves its own account of what it
 * installed, and writes it last, so an installation that was cut short has none.
 */
function packagesAreCurrent(root) {
  let wanted;
  let installed;
  try {
    wanted = readPackages(path.join(root, 'package-lock.json'));
    installed = readPackages(path.join(root, 'node_modules', '.package-lock.json'));
  } catch {
    return false;
  }
  const isInstalled = (name) => {
    if (name === '') return true;
    const have = installed[name];
    // What is built for another platform is listed as optional, and is not installed here.
    if (have === undefined) return wanted[name].optional === true;
    return have.version === wanted[name].version && have.integrity === wanted[name].integrity;
  };
  const isWanted = (name) => wanted[name] !== undefined;
  return Object.keys(wanted).every(isInstalled) && Object.keys(installed).every(isWanted);
}

function readPackages(file) {
  return JSON.parse(fs.readFileSync(file, 'utf8')).packages;
}

/** How to run npm: the one that runs us, else the one beside node, else the one in PATH. */
function npmCommand() {
  const beside = path.resolve(
    path.dirname(process.execPath),
    '../lib/node_modules/npm/bin/npm-cli.js',
  );
  const script = [process.env.npm_execpath, beside].find(
    (file) => file && path.basename(file) === 'npm-cli.js' && fs.existsSync(file),
  );
  return script === undefined ? ['npm'] : [process.execPath, script];
}

function npmError(log) {
  const code = (/npm (?:error|ERR!) code (\S+)/.exec(log) || ['', ''])[1];
  const said = log
    .split('\n')
    .filter((line) => /^npm (error|ERR!)/.test(line))
    .map((line) => line.replace(/^npm (error|ERR!)\s*/, ''))
    .find((line) => line !== '' && !/^(code|errno|syscall) /.test(line));
  return { code, text: said || code || 'npm said nothing' };
}

/** Asks the registry for one small document, by npm itself: its proxy, mirror and login apply. */
async function checkRegistry(root) {
  const [command, ...first] = npmCommand();
  const args = [
    'view',
    PROBED_PACKAGE,
    'version',
    '--prefer-online',
    '--fetch-retries=0',
    '--fetch-timeout=10000',
  ];
  const run = childProcess.spawnSync(command, first.concat(args), {
    cwd: root,
    env: childEnvironment(root),
    encoding: 'utf8',
    timeout: 30000,
  });
  if (run.error && run.error.code === 'ENOENT') {
    throw new SetupFailure(
      'npm not found beside ' + process.execPath + ' nor in PATH; install npm 10 or newer',
      2,
    );
  }
  if (run.status === 0) return 'npm registry';
  const why = run.error ? run.error.message : npmError(run.stderr).text;
  throw new SetupFailure(
    'the npm registry is out of reach (' +
      why +
      '); connect this machine, or name a mirror that it ' +
      'reaches: npm config set registry https://...',
    2,
  );
}

async function installPackages(root) {
  const [command, ...first] = npmCommand();
  tell('npm ci');
  const { code, log } = await runLogged(root, 'packages', command, [
    ...first,
    'ci',
    '--ignore-scripts',
    // NODE_ENV=production would leave out the compiler's own tools; a pedantic engine-strict would
    // refuse the odd Node versions that one of the tools does not name.
    '--include=dev',
    '--include=optional',
    '--engine-strict=false',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--no-progress',
    '--logs-max=0',
    '--loglevel=http',
  ]);
  if (code !== 0) {
    const { code: name, text } = npmError(log);
    throw stepFailure(root, 'packages', text, CURES[name]);
  }
  // What npm cached there is of no use to anyone now.
  fs.rmSync(substituteHome(root), { recursive: true, force: true });
  if (!packagesAreCurrent(root)) {
    throw stepFailure(
      root,
      'packages',
      'npm ci left node_modules unlike package-lock.json',
      'run: npm ci',
    );
  }
}

module.exports = { checkRegistry, installPackages, packagesAreCurrent };
