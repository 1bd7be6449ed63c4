'use strict';
// The two things without which nothing else makes sense: Linux, and a Node that is new enough.

const fs = require('fs');
const { SetupFailure } = require('./report.cjs');

const OLDEST_NODE = [20, 19];

/** Whether a version such as "20.19.6" is at least `oldest`, given as [major, minor]. */
function isAtLeast(version, oldest) {
  const parts = version.split('.').map(Number);
  return parts[0] > oldest[0] || (parts[0] === oldest[0] && parts[1] >= oldest[1]);
}

function checkPlatform() {
  if (process.platform !== 'linux') {
    throw new SetupFailure(
      'this is ' +
        process.platform +
        ', and virtual IPs are set in the Linux kernel; ' +
        (process.platform === 'win32'
          ? 'run it inside WSL 2 (wsl --install) or a Linux virtual machine'
          : 'run it in a Linux virtual machine or on a Linux host'),
      2,
    );
  }
  checkWsl();
  if (!isAtLeast(process.versions.node, OLDEST_NODE)) {
    throw new SetupFailure(
      'Node ' +
        process.versions.node +
        ' is running (' +
        process.execPath +
        '), and fairlead needs ' +
        OLDEST_NODE.join('.') +
        ' or newer; install Node 22 (https://nodejs.org/en/download) or run "nvm install 22", ' +
        'and see that it comes first in PATH',
      2,
    );
  }
}

/** WSL 1 has no Linux kernel under it, so it has neither netlink nor network namespaces. */
function checkWsl() {
  let release = '';
  try {
    release = fs.readFileSync('/proc/sys/kernel/osrelease', 'utf8');
  } catch {
    return;
  }
  // WSL 1 says "4.4.0-19041-Microsoft", WSL 2 "5.15.90.1-microsoft-standard-WSL2".
  if (/-Microsoft\s*$/.test(release)) {
    throw new SetupFailure(
      'this is WSL 1, which has no Linux kernel; run "wsl --set-version <distribution> 2" in Windows',
      2,
    );
  }
}

module.exports = { checkPlatform };
