'use strict';
// Bundles src/ into dist/, the JavaScript that bin/fairlead.cjs runs.

const fs = require('fs');
const path = require('path');
const { tell } = require('./report.cjs');
const { runLogged, stepFailure } = require('./child.cjs');
const { fingerprint, readStamp, writeStamp } = require('./fingerprint.cjs');

const SOURCES = ['src', 'scripts/bundle.mjs', 'tsconfig.json', 'package.json', 'package-lock.json'];

/** Inside dist/, which is put in place as a whole: there is no stamp without its files. */
function stampFile(root) {
  return path.join(root, 'dist', '.stamp');
}

function bundleIsCurrent(root) {
  if (!fs.existsSync(path.join(root, 'src', 'main.ts'))) return true;
  return readStamp(stampFile(root)) === fingerprint(root, SOURCES, []);
}

async function bundle(root) {
  tell('esbuild');
  const wanted = fingerprint(root, SOURCES, []);
  const script = path.join(root, 'scripts', 'bundle.mjs');
  const { code, log } = await runLogged(root, 'bundle', process.execPath, [script]);
  if (code !== 0) {
    const cause = log.split('\n').find((line) => /error/i.test(line)) || 'esbuild said nothing';
    throw stepFailure(root, 'bundle', cause.trim(), undefined);
  }
  if (fs.existsSync(path.join(root, 'dist'))) writeStamp(stampFile(root), wanted);
}

module.exports = { bundle, bundleIsCurrent };
