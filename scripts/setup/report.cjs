'use strict';
// What set-up says, and how it fails. All of it goes to stderr: stdout belongs to the program that
// runs afterwards (`npm start -- --json | jq`).

/** A failure with a cause and a cure, told in one line and without a stack. */
class SetupFailure extends Error {
  /** `exitCode` is 2 where the user has to install or change something, 1 where a step failed. */
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

function say(line) {
  process.stderr.write(line + '\n');
}

function seconds(ms) {
  return (ms / 1000).toFixed(1) + ' s';
}

/** Goes on with the line of the step that runs. */
function tell(text) {
  process.stderr.write(text + '  ');
}

/**
 * Runs one step and shows it in one line: its name, what the work tells of itself, the time it
 * took.
 */
async function step(name, work) {
  const startedAt = Date.now();
  process.stderr.write('  ' + name.padEnd(10));
  try {
    await work();
    process.stderr.write(seconds(Date.now() - startedAt) + '\n');
  } catch (err) {
    process.stderr.write('failed after ' + seconds(Date.now() - startedAt) + '\n');
    throw err;
  }
}

module.exports = { SetupFailure, say, seconds, step, tell };
