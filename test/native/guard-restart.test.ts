import { EventEmitter, once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ipFromBytes } from '../../src/core/address/ip.ts';
import { type Guard, startGuard } from '../../src/dataplane/guard.ts';

const VIP = {
  linkIndex: 1,
  link: 'lo',
  address: ipFromBytes(Uint8Array.of(192, 0, 2, 10)),
  prefixLength: 32,
};

let folder: string;
let guard: Guard | undefined;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'fairlead-guard-'));
});
afterEach(async () => {
  await guard?.close();
  guard = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/**
 * A guard that says yes to everything, and writes down the kinds of the commands that it was given.
 */
function writeYesMan(log: string): string {
  const file = path.join(folder, 'yes-man.cjs');
  writeFileSync(
    file,
    `#!${process.execPath}
const { appendFileSync } = require('node:fs');
const socket = new (require('node:net').Socket)({ fd: 3 });
const say = (kind, number, body) => {
  const frame = Buffer.alloc(12 + body);
  frame.writeUInt32LE(frame.length, 0);
  frame.writeUInt16LE(0xfa1e, 4);
  frame.writeUInt16LE(kind, 6);
  frame.writeUInt32LE(number, 8);
  socket.write(frame);
};
appendFileSync(${JSON.stringify(log)}, 'ready\\n');
say(16, 0, 12);
let bytes = Buffer.alloc(0);
socket.on('data', (chunk) => {
  bytes = Buffer.concat([bytes, chunk]);
  while (bytes.length >= 12 && bytes.length >= bytes.readUInt32LE(0)) {
    const names = { 1: 'addresses', 2: 'resignation', 3: 'ping', 4: 'gate' };
    appendFileSync(${JSON.stringify(log)}, names[bytes.readUInt16LE(6)] + '\\n');
    say(17, bytes.readUInt32LE(8), 4);
    bytes = bytes.subarray(bytes.readUInt32LE(0));
  }
});
socket.on('close', () => process.exit());
`,
  );
  chmodSync(file, 0o755);
  return file;
}

test('the next guard knows what to delete before it knows what to say about it', async () => {
  const log = path.join(folder, 'log');
  const news = new EventEmitter();
  guard = await startGuard({
    executable: writeYesMan(log),
    onFired() {},
    onReplaced: () => news.emit('back'),
    onDegraded() {},
    // A busy machine does not start a script within the time that a guard has.
    onRestored: () => news.emit('back'),
    onOrphaned() {},
  });
  await guard.guard([VIP]);
  await guard.setResignation([]);
  const back = once(news, 'back');
  process.kill(guard.pid ?? 0, 'SIGKILL');
  await back;
  const told = readFileSync(log, 'utf8').split('ready\n').at(-1)?.trim().split('\n');
  expect(told?.filter((command) => command !== 'ping')).toEqual([
    'gate',
    'addresses',
    'resignation',
  ]);
});
