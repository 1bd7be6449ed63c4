// A forwarder in a process of its own, so that a test can take its descriptors, pipes or user away.
// argv[2] is JSON: { threads, listeners, fifoFolder? }. Prints `ready`, then its counters for each
// line on stdin, and ends with it.
import { constants, openSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';

const root = path.resolve(import.meta.dirname, '../..');
const binding = createRequire(import.meta.url)('node-gyp-build')(root);
const { threads, listeners, fifoFolder } = JSON.parse(process.argv[2] ?? '');

if (fifoFolder !== undefined) {
  // Every open FIFO is a pipe of 16 pages, and counts as this user's.
  for (const name of readdirSync(fifoFolder)) {
    openSync(path.join(fifoFolder, name), constants.O_RDWR | constants.O_NONBLOCK);
  }
}
const forwarder = binding.openForwarder({ threads, busyPollUs: 0 });
const outcomes = await binding.setListeners(forwarder, listeners, { resetRemoved: false });
const refused = outcomes.filter(({ failure }) => failure !== null);
if (refused.length > 0) throw new Error(JSON.stringify(refused));

console.log('ready');
const questions = createInterface({ input: process.stdin });
questions.on('line', () => console.log(JSON.stringify(binding.readCounters(forwarder))));
questions.on('close', () => binding.closeForwarder(forwarder));
