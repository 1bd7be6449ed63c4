'use strict';
// Finds Node's headers without a download: beside the running node, in the system's include folder,
// or in the npm package node-api-headers, which is all that an addon of Node-API needs.

const fs = require('fs');
const os = require('os');
const path = require('path');

const NEEDED = ['node_api.h', 'js_native_api.h', 'node_version.h', 'common.gypi', 'config.gypi'];

/** What node-gyp reads beside the headers. The flags are those that Node's own common.gypi sets. */
const GENERATED = {
  'config.gypi': "{ 'target_defaults': {}, 'variables': { 'node_use_openssl': 'false' } }\n",
  'common.gypi': `{
  'target_defaults': {
    'default_configuration': 'Release',
    'configurations': { 'Release': { 'cflags': ['-O2'] }, 'Debug': { 'cflags': ['-g', '-O0'] } },
    'cflags': ['-pthread', '-fno-strict-aliasing'],
    'ldflags': ['-pthread'],
    'defines': ['_FILE_OFFSET_BITS=64', '_LARGEFILE_SOURCE'],
  },
}
`,
};

function includeFolder(prefix) {
  return path.join(prefix, 'include', 'node');
}

/** Whether the prefix has every file that node-gyp reads, and for this major version of Node. */
function hasHeaders(prefix) {
  const folder = includeFolder(prefix);
  if (!NEEDED.every((file) => fs.existsSync(path.join(folder, file)))) return false;
  const text = fs.readFileSync(path.join(folder, 'node_version.h'), 'utf8');
  const major = /define NODE_MAJOR_VERSION (\d+)/.exec(text);
  return major !== null && major[1] === process.versions.node.split('.')[0];
}

function packagedHeaders(root) {
  return path.join(root, 'node_modules', 'node-api-headers', 'include');
}

/**
 * Where the headers are: `prefix` is what node-gyp calls nodedir. It is a folder of the build,
 * still to be written by `writeHeaders`, when neither node nor the system has them.
 */
function findHeaders(root) {
  const beside = path.resolve(path.dirname(process.execPath), '..');
  const prefix = [beside, '/usr', '/usr/local'].find(hasHeaders);
  if (prefix !== undefined) return { prefix, folder: includeFolder(prefix), generated: false };
  return {
    prefix: path.join(root, 'build', 'nodedir'),
    folder: packagedHeaders(root),
    generated: true,
  };
}

/** Writes a nodedir out of the packaged headers and the two files that node-gyp wants with them. */
function writeHeaders(headers) {
  const folder = includeFolder(headers.prefix);
  fs.mkdirSync(folder, { recursive: true });
  for (const file of fs.readdirSync(headers.folder).filter((name) => name.endsWith('.h'))) {
    fs.copyFileSync(path.join(headers.folder, file), path.join(folder, file));
  }
  const major = process.versions.node.split('.')[0];
  fs.writeFileSync(
    path.join(folder, 'node_version.h'),
    '#define NODE_MAJOR_VERSION ' + major + '\n',
  );
  for (const file of Object.keys(GENERATED)) {
    fs.writeFileSync(path.join(folder, file), GENERATED[file]);
  }
}

/**
 * Runs `work` with a name of the prefix that holds no space: the makefiles that gyp writes do not
 * quote it. The name is made anew each time, since a fixed one in /tmp could be another user's.
 */
async function withPlainPath(prefix, work) {
  if (!/\s/.test(prefix)) return work(prefix);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fairlead-headers-'));
  const link = path.join(folder, 'node');
  try {
    fs.symlinkSync(prefix, link);
    return await work(link);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

module.exports = { findHeaders, withPlainPath, writeHeaders };
