'use strict';
// Lets one set-up at a time work on a checkout. The lock is a file that names the processes at
// work: the set-up itself and the child it waits for, which outlives a set-up that was killed. It
// is made by link(2), so it appears together with its content.

const fs = require('fs');
const path = require('path');
const { SetupFailure, say } = require('./report.cjs');
const { removeFile } = require('./fingerprint.cjs');

const POLL_MS = 100;

function lockFile(root) {
  return path.join(root, 'build', 'setup.lock');
}

/** The process's number with its start time: a number alone may be another process's by now. */
function nameOfProcess(pid) {
  try {
    const stat = fs.readFileSync('/proc/' + pid + '/stat', 'utf8');
    // Field 22 of proc(5), counted after the command, which may itself hold spaces and brackets.
    return pid + ':' + stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function isAlive(name) {
  return nameOfProcess(name.split(':')[0]) === name;
}

/** Names a child in our lock, so that nobody takes the lock while that child still writes. */
function nameInLock(root, pid) {
  const name = nameOfProcess(pid);
  if (name !== undefined) fs.appendFileSync(lockFile(root), name + '\n');
}

/** The first thing that set-up writes, so a checkout of somebody else's shows here. */
function writeDraft(root) {
  const draft = lockFile(root) + '.' + process.pid;
  try {
    fs.mkdirSync(path.dirname(draft), { recursive: true });
    fs.writeFileSync(draft, nameOfProcess(process.pid) + '\n');
  } catch (err) {
    throw new SetupFailure(
      'cannot write in ' +
        path.dirname(draft) +
        ' (' +
        err.code +
        '); make this folder and its files yours (chown), or clone it again as this user',
      2,
    );
  }
  return draft;
}

function tryLock(root) {
  const draft = writeDraft(root);
  try {
    fs.linkSync(draft, lockFile(root));
    return true;
  } catch (err) {
    if (err.code !== 'EEXIST') throw err;
    return false;
  } finally {
    removeFile(draft);
  }
}

/** Those at work, or undefined when the lock is gone. */
function workers(root) {
  try {
    return fs.readFileSync(lockFile(root), 'utf8').split('\n').filter(Boolean).filter(isAlive);
  } catch (err) {
    if (err.code === 'ENOENT') return undefined;
    throw err;
  }
}

/** Removes the lock of the dead, unless another set-up did so and took it meanwhile. */
function breakLock(root) {
  const aside = lockFile(root) + '.broken.' + process.pid;
  try {
    fs.renameSync(lockFile(root), aside);
  } catch (err) {
    if (err.code === 'ENOENT') return;
    throw err;
  }
  const live = fs.readFileSync(aside, 'utf8').split('\n').filter(Boolean).some(isAlive);
  if (live) fs.linkSync(aside, lockFile(root));
  removeFile(aside);
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function takeLock(root) {
  for (let waited = false; !tryLock(root); ) {
    const alive = workers(root);
    if (alive === undefined) continue;
    if (alive.length === 0) {
      breakLock(root);
      continue;
    }
    if (!waited)
      say(
        '  waiting   for the set-up already running here (process ' + alive[0].split(':')[0] + ')',
      );
    waited = true;
    await pause(POLL_MS);
  }
}

/** Runs `work` alone on this checkout. */
async function withLock(root, work) {
  await takeLock(root);
  try {
    return await work();
  } finally {
    removeFile(lockFile(root));
  }
}

module.exports = { nameInLock, withLock };
