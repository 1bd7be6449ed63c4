#!/usr/bin/env node
'use strict';
// Brings a checkout from `git clone` to something that runs: checks the machine, installs the npm
// packages, compiles the native parts, bundles the daemon. What is up to date is not done again.
//
// `npm start` and `npm test` call this by name, not by a `pre` hook, which `ignore-scripts` skips.
// This file and its parts stay within the syntax of Node 12 and Node's own modules: the one who
// most needs a clear sentence is the one whose Node is too old to run anything else here.

const path = require('path');
const { checkPlatform } = require('./setup/platform.cjs');
const { checkTools } = require('./setup/tools.cjs');
const { withLock } = require('./setup/lock.cjs');
const { SetupFailure, say, step, seconds, tell } = require('./setup/report.cjs');
const { addonIsCurrent, compileAddon } = require('./setup/addon.cjs');
const { bundleIsCurrent, bundle } = require('./setup/bundle.cjs');
const { packagesAreCurrent, checkRegistry, installPackages } = require('./setup/packages.cjs');

const root = path.resolve(__dirname, '..');
const startedAt = Date.now();

function isCurrent() {
  return packagesAreCurrent(root) && addonIsCurrent(root) && bundleIsCurrent(root);
}

/** Does what is missing. Only one process at a time is in here. */
async function makeCurrent() {
  const install = !packagesAreCurrent(root);
  await step('check', async () => {
    // The packages name a part of what is compiled, so without them a compilation must be expected.
    const found = install || !addonIsCurrent(root) ? checkTools() : [];
    if (install) found.push(await checkRegistry(root));
    tell(found.length === 0 ? 'nothing to install' : found.join(', '));
  });
  if (install) await step('packages', () => installPackages(root));
  if (!addonIsCurrent(root)) await step('compile', () => compileAddon(root));
  if (!bundleIsCurrent(root)) await step('bundle', () => bundle(root));
}

async function main() {
  say('fairlead set-up: Node ' + process.versions.node + ' (' + process.execPath + ')');
  checkPlatform();
  if (!isCurrent()) await withLock(root, () => (isCurrent() ? undefined : makeCurrent()));
  say('  ready     ' + seconds(Date.now() - startedAt));
}

main().catch((err) => {
  if (!(err instanceof SetupFailure)) throw err;
  say('fairlead set-up: ' + err.message);
  process.exitCode = err.exitCode;
});

// Node 12 only warns of a rejection that nobody caught, and exits 0.
process.on('unhandledRejection', (err) => {
  say(String(err && err.stack));
  process.exit(70);
});
