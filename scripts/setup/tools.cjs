'use strict';
// The compiler, make and Python that node-gyp needs: found, or named together with the one command
// that installs them here. Everything missing is told at once, before anything is downloaded.

const childProcess = require('child_process');
const fs = require('fs');
const { SetupFailure } = require('./report.cjs');

/**
 * The first g++ whose C++20 (designated initialisers, std::span, consteval) the sources rely on.
 */
const OLDEST_GCC = 11;

/**
 * How each distribution installs, and what it calls the compiler's side and the tests' referees.
 */
const DISTRIBUTIONS = {
  debian: {
    install: 'apt-get update && apt-get install -y',
    tools: 'g++ make python3',
    referees: 'iproute2 iputils-ping nftables tcpdump',
  },
  fedora: {
    install: 'dnf install -y',
    tools: 'gcc-c++ make python3',
    referees: 'iproute iputils nftables tcpdump',
  },
  alpine: {
    install: 'apk add',
    tools: 'g++ make python3 linux-headers',
    referees: 'iproute2 iputils nftables tcpdump',
  },
  arch: {
    install: 'pacman -S --needed',
    tools: 'gcc make python',
    referees: 'iproute2 iputils nftables tcpdump',
  },
  suse: {
    install: 'zypper install -y',
    tools: 'gcc-c++ make python3',
    referees: 'iproute2 iputils nftables tcpdump',
  },
};

/** What to install where the distribution is none that we know. */
const IN_WORDS = {
  tools: 'install a C++20 compiler, make and Python 3',
  referees: 'install iproute2, iputils, nftables and tcpdump',
};

/** First line that the command prints, or undefined when it cannot be run. */
function firstLine(command, args) {
  const run = childProcess.spawnSync(command, args, { encoding: 'utf8' });
  if (run.error || run.status !== 0) return undefined;
  return (run.stdout || run.stderr).split('\n')[0].trim();
}

/** Returns what was found, as "g++ 12.2.0"; throws one failure that names everything missing. */
function checkTools() {
  const compiler = process.env.CXX || 'g++';
  const found = [];
  const missing = [];
  // CXX may hold several words ("ccache g++"), as make allows.
  const words = compiler.split(/\s+/).filter(Boolean);
  const version = firstLine(words[0], words.slice(1).concat('-dumpfullversion', '-dumpversion'));
  if (version === undefined) missing.push('a C++ compiler (' + compiler + ')');
  else if (isOldGcc(words, version))
    missing.push('g++ ' + OLDEST_GCC + ' (this is ' + version + ')');
  else found.push(compiler + ' ' + version);
  const make = firstLine(process.env.MAKE || 'make', ['--version']);
  if (make === undefined) missing.push('make');
  const python = firstLine(process.env.PYTHON || 'python3', ['--version']);
  if (python === undefined) missing.push('python3');
  else found.push(python);
  if (missing.length > 0) {
    throw new SetupFailure(missing.join(', ') + ' not found; ' + installCommand('tools'), 2);
  }
  return found;
}

/** clang calls itself 4.2.1 or its own version by -dumpversion, so only a real g++ is judged. */
function isOldGcc(words, version) {
  return /(^|\/|-)g\+\+/.test(words[words.length - 1]) && parseInt(version, 10) < OLDEST_GCC;
}

/** The command that installs `kind` ('tools' or 'referees') on this machine. */
function installCommand(kind) {
  const known = DISTRIBUTIONS[distribution()];
  if (known === undefined) return IN_WORDS[kind];
  const sudo = process.getuid() === 0 ? '' : 'sudo ';
  const commands = (known.install + ' ' + known[kind]).split(' && ');
  return 'run: ' + commands.map((command) => sudo + command).join(' && ');
}

function distribution() {
  let release = '';
  try {
    release = fs.readFileSync('/etc/os-release', 'utf8');
  } catch {
    return undefined;
  }
  const ids =
    (/^ID=(.*)$/m.exec(release) || ['', ''])[1] +
    ' ' +
    (/^ID_LIKE=(.*)$/m.exec(release) || ['', ''])[1];
  const words = ids.replace(/["']/g, '').toLowerCase();
  if (/debian|ubuntu/.test(words)) return 'debian';
  if (/fedora|rhel|centos/.test(words)) return 'fedora';
  if (/alpine/.test(words)) return 'alpine';
  if (/arch/.test(words)) return 'arch';
  if (/suse/.test(words)) return 'suse';
  return undefined;
}

module.exports = { checkTools, installCommand };
