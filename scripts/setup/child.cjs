'use strict';
// Runs the programs that do the work, quietly: what they say goes to a log under build/logs, and a
// failure is told in one line with the log's place.

const childProcess = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { SetupFailure } = require('./report.cjs');
const { nameInLock } = require('./lock.cjs');

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Where Node's own list of authorities is not what this machine trusts (a company's proxy). */
const SYSTEM_AUTHORITIES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

function isWritable(folder) {
  try {
    fs.accessSync(folder, fs.constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Where a home is made when the user has none that can be written to. */
function substituteHome(root) {
  return path.join(root, 'build', 'home');
}

/** The home folder, if it is one that can be written to. */
function writableHome() {
  const candidates = [process.env.HOME];
  try {
    candidates.push(os.userInfo().homedir);
  } catch {
    // This user has no entry in /etc/passwd (a container started with a bare number).
  }
  return candidates.find((folder) => folder && path.isAbsolute(folder) && isWritable(folder));
}

/**
 * The environment of a child: ours, with what an empty one lacks. Without a home, npm would leave
 * its cache in a folder "~" of the checkout, or fail.
 */
function childEnvironment(root) {
  const env = Object.assign({}, process.env);
  if (!env.PATH) env.PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  env.HOME = writableHome() || substituteHome(root);
  if (env.HOME !== process.env.HOME) {
    fs.mkdirSync(env.HOME, { recursive: true });
    // The npm that runs us has already worked this out from the home that is no good.
    env.npm_config_cache = path.join(env.HOME, '.npm');
  }
  if (!env.NODE_EXTRA_CA_CERTS) {
    const authorities = SYSTEM_AUTHORITIES.find((file) => fs.existsSync(file));
    if (authorities !== undefined) env.NODE_EXTRA_CA_CERTS = authorities;
  }
  return env;
}

function logFile(root, name) {
  return path.join(root, 'build', 'logs', name + '.log');
}

/** Resolves to `{ code, log }`; `log` is all that the child said. */
function runLogged(root, name, command, args, env) {
  const file = logFile(root, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const log = fs.openSync(file, 'w');
  const child = childProcess.spawn(command, args, {
    cwd: root,
    env: Object.assign(childEnvironment(root), env),
    stdio: ['ignore', log, log],
    // A process group of its own: node-gyp does not hand on the signal that ends it, and make and
    // the compilers would go on writing beside the next set-up.
    detached: true,
  });
  fs.closeSync(log);
  // A set-up that ends must not leave a child behind that goes on writing.
  const end = (signal) => {
    process.kill(-child.pid, signal);
    child.once('exit', () => process.kill(process.pid, signal));
    for (const each of ENDING_SIGNALS) process.removeListener(each, end);
  };
  for (const signal of ENDING_SIGNALS) process.on(signal, end);
  return new Promise((resolve, reject) => {
    child.once('error', (err) => {
      reject(new SetupFailure('cannot run ' + command + ': ' + err.message, 2));
    });
    if (child.pid !== undefined) nameInLock(root, child.pid);
    child.once('exit', (code) => {
      for (const signal of ENDING_SIGNALS) process.removeListener(signal, end);
      resolve({ code, log: fs.readFileSync(file, 'utf8') });
    });
  });
}

/** A failed step in one line: the cause as its program told it, the cure, and where the rest is. */
function stepFailure(root, name, cause, cure) {
  const log = path.relative(process.cwd(), logFile(root, name));
  return new SetupFailure(
    name + ' failed: ' + cause + (cure ? '; ' + cure : '') + ' (all of it: ' + log + ')',
    1,
  );
}

module.exports = { childEnvironment, runLogged, stepFailure, substituteHome };
