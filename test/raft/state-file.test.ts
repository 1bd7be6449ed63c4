import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  decodeStateFile,
  encodeStateFile,
  PeerListChangedError,
  StateFile,
  UNKNOWN_ELECTION_TIMEOUT_MS,
} from '../../src/raft/state-file.ts';

const VOTERS = ['server1', 'server2', 'server3'];
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'fairlead-state-'));
  file = path.join(folder, 'state');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function start(electionTimeoutMs = 300, voters: readonly string[] = VOTERS): StateFile {
  return new StateFile({ path: file, voters, electionTimeoutMs });
}

test('a restart finds the term, the vote and the former election timeout', async () => {
  const before = start(1000);
  before.abstentionEnded();
  before.save({ term: 7, vote: 'server2' });
  await before.flush();

  const after = start(300);
  expect(after.recalled).toEqual({ term: 7, vote: 'server2' });
  expect(after.abstainMs).toBe(1000);
  expect(after.problem).toBeUndefined();
});

test('a crash within the abstention does not shorten the next one', async () => {
  const slow = start(1000);
  slow.abstentionEnded();
  await slow.flush();
  await start(300).flush();
  const again = start(300);
  expect(again.abstainMs).toBe(1000);
  await again.flush();

  const settled = start(300);
  settled.abstentionEnded();
  await settled.flush();
  expect(start(300).abstainMs).toBe(300);
});

test('a node without a file outlasts the longest promise that it may have given', async () => {
  const first = start(300);
  expect(first.recalled).toEqual({ term: 0, vote: null });
  expect(first.abstainMs).toBe(UNKNOWN_ELECTION_TIMEOUT_MS);
  expect(first.problem).toBeUndefined();
  await first.flush();
});

test('a file torn at any length is as good as none, or whole', async () => {
  const before = start(100);
  before.abstentionEnded();
  before.save({ term: 7, vote: 'server2' });
  await before.flush();
  const whole = readFileSync(file);
  for (let length = 0; length < whole.length; length += 1) {
    writeFileSync(file, whole.subarray(0, length));
    const torn = start(100);
    expect(torn.recalled).toEqual({ term: 0, vote: null });
    expect(torn.abstainMs).toBe(UNKNOWN_ELECTION_TIMEOUT_MS);
    expect(torn.problem).toMatch(/^Cannot use ".*": damaged/);
    await torn.flush();
    expect(torn.problem).toBeUndefined();
  }
});

test('decodeStateFile() refuses a file with any one bit turned, and never throws', () => {
  const content = { term: 7, vote: 'server2', electionTimeoutMs: 300, voters: VOTERS };
  const whole = encodeStateFile(content);
  expect(decodeStateFile(whole)).toMatchObject(content);
  for (let bit = 0; bit < whole.length * 8; bit += 1) {
    const turned = Buffer.from(whole);
    turned.writeUInt8(turned.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    expect(decodeStateFile(turned)).toBeUndefined();
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(decodeStateFile(bytes)).toBeUndefined();
    }),
  );
});

test('another list of voters is refused, whatever order it is in', async () => {
  await start().flush();
  await start(300, ['server3', 'server1', 'server2']).flush();
  expect(() => start(300, ['server1', 'server2', 'server4'])).toThrow(PeerListChangedError);
  expect(() => start(300, ['server1', 'server2'])).toThrow(
    'remembers the voters server1, server2, server3, the configuration names server1, server2',
  );
});

test('the last of many saves is what stays', async () => {
  const before = start();
  for (let term = 1; term <= 500; term += 1) {
    before.save({ term, vote: null });
    if (term % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await before.flush();
  expect(start().recalled.term).toBe(500);
});

test('a place that cannot be written is a problem to tell of, not an end', async () => {
  writeFileSync(path.join(folder, 'in-the-way'), '');
  file = path.join(folder, 'in-the-way', 'state');
  const blocked = start();
  blocked.save({ term: 3, vote: 'server1' });
  await blocked.flush();
  expect(blocked.problem).toMatch(/^Cannot write ".*": (ENOTDIR|EEXIST)$/);
  rmSync(path.join(folder, 'in-the-way'));
  blocked.save({ term: 4, vote: 'server1' });
  await blocked.flush();
  expect(blocked.problem).toBeUndefined();
  expect(start().recalled).toEqual({ term: 4, vote: 'server1' });
});

test('a folder in the place of the file stops nobody', async () => {
  mkdirSync(file);
  const blocked = start();
  expect(blocked.problem).toMatch(/not a regular file$/);
  await blocked.flush();
  expect(blocked.problem).toMatch(/^Cannot write/);
});
