'use strict';
// Compiles the native parts with node-gyp: the addon, the guard and the namespace runner.

const fs = require('fs');
const os = require('os');
const path = require('path');
const { tell } = require('./report.cjs');
const { runLogged, stepFailure } = require('./child.cjs');
const { fingerprint, readStamp, removeFile, writeStamp } = require('./fingerprint.cjs');
const { findHeaders, withPlainPath, writeHeaders } = require('./headers.cjs');

const OUTPUTS = ['fairlead.node', 'fairlead-guard', 'fairlead-netns'];
const SOURCES = ['binding.gyp', 'native', 'node_modules/node-addon-api/package.json'];
const FLAGS = ['CC', 'CXX', 'AR', 'CFLAGS', 'CXXFLAGS', 'CPPFLAGS', 'LDFLAGS'];

/** Each compiler takes up to half a gigabyte; more than this many at once fill a small machine. */
const MOST_JOBS = 8;

/**
 * What the stamp says after a build that failed by itself. make knows then which objects are good,
 * and builds on; without any stamp the build was cut short, and nothing of it is trusted.
 */
const FAILED = 'failed';

function stampFile(root) {
  return path.join(root, 'build', 'addon.stamp');
}

/** Node-API is the same for every Node, so the version that runs does not count, its headers do. */
function addonFingerprint(root) {
  const { folder } = findHeaders(root);
  const headers = ['node_api.h', 'js_native_api.h'].map((file) =>
    path.relative(root, path.join(folder, file)),
  );
  const libc = fs.existsSync('/etc/alpine-release') ? 'musl' : 'glibc';
  const words = [process.arch, libc].concat(FLAGS.map((name) => process.env[name] || ''));
  return fingerprint(root, SOURCES.concat(headers), words);
}

function addonIsCurrent(root) {
  const exist = OUTPUTS.every((name) => fs.existsSync(path.join(root, 'build', 'Release', name)));
  return exist && readStamp(stampFile(root)) === addonFingerprint(root);
}

async function compileAddon(root) {
  const stamp = stampFile(root);
  if (readStamp(stamp) === '') {
    fs.rmSync(path.join(root, 'build', 'Release'), { recursive: true, force: true });
  }
  removeFile(stamp);
  const headers = findHeaders(root);
  if (headers.generated) writeHeaders(headers);
  const wanted = addonFingerprint(root);
  const inside = path.relative(root, headers.folder);
  tell('node-gyp, headers in ' + (inside.startsWith('..') ? headers.folder : inside));
  const { code, log } = await withPlainPath(headers.prefix, (prefix) => runNodeGyp(root, prefix));
  if (code !== 0) {
    // A compiler that was killed (no memory, a signal) may have left half an object behind.
    if (code !== null && !/Killed|Terminated|Interrupt/.test(log)) writeStamp(stamp, FAILED);
    const { cause, cure } = compileError(log);
    throw stepFailure(root, 'compile', cause, cure);
  }
  writeStamp(stamp, wanted);
}

function runNodeGyp(root, prefix) {
  const script = path.join(root, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const jobs = process.env.JOBS || String(Math.min(os.cpus().length, MOST_JOBS));
  const args = [script, 'configure', 'build', '--jobs=' + jobs, '--nodedir=' + prefix];
  // npm hands on a nodedir of the user's by this name.
  const env = { npm_package_config_node_gyp_nodedir: prefix };
  return runLogged(root, 'compile', process.execPath, args, env);
}

function compileError(log) {
  const lines = log.split('\n').map((line) => line.trim());
  const cause =
    lines.find((line) => /(fatal error|error):/i.test(line)) ||
    lines.find((line) => /^gyp ERR! stack|cannot find -l|No space left/.test(line)) ||
    'node-gyp said nothing';
  return { cause, cure: cureFor(log) };
}

function cureFor(log) {
  if (/No space left on device/.test(log)) return 'free some disk space';
  if (/Killed signal|cc1plus.*Killed/.test(log))
    return 'the machine ran out of memory; run it again with JOBS=1';
  if (/fatal error: (linux|asm)\//.test(log))
    return "install the kernel's headers (linux-libc-dev, linux-headers)";
  if (/cannot find -l/.test(log)) return 'install the static C and C++ libraries';
  return undefined;
}

module.exports = { addonIsCurrent, compileAddon };
