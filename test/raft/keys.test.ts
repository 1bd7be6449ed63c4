import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OperationalError } from '../../src/core/errors.ts';
import { loadKeyFile, parseKeys } from '../../src/raft/keys.ts';

const ONE = Buffer.alloc(32, 1);
const OTHER = Buffer.alloc(48, 0xf5);
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'fairlead-keys-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(text: string, mode = 0o600): string {
  const file = path.join(folder, 'peer.key');
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

test('parseKeys() reads hex and base64, comments and blank lines, the signing key first', () => {
  const text = `# of 2026\n\n 2  ${OTHER.toString('base64')}  # new\r\n1\t${ONE.toString('hex')}\n`;
  expect(parseKeys(text)).toEqual({
    keys: [
      { id: 2, secret: OTHER },
      { id: 1, secret: ONE },
    ],
    problems: [],
  });
});

test('parseKeys() names every mistake by its line, and quotes no key', () => {
  const good = ONE.toString('base64');
  const text = [
    `0 ${good}`,
    `256 ${good}`,
    `one ${good}`,
    good,
    '1 c2hvcnQ=',
    `1 ${good.slice(0, 20)}*${good.slice(21)}`,
    `1 ${ONE.toString('hex')}0`,
    `1 ${good} ${good}`,
    `1 ${good}`,
    `1 ${good}`,
    `2 ${Buffer.alloc(65, 7).toString('base64')}`,
  ].join('\n');
  expect(parseKeys(text).problems).toMatchInlineSnapshot(`
    [
      "line 1: the id is not a number from 1 to 255",
      "line 2: the id is not a number from 1 to 255",
      "line 3: the id is not a number from 1 to 255",
      "line 4: not "<id> <key>"",
      "line 5: the key has 5 bytes, not 32 to 64",
      "line 6: the key is neither hex nor base64",
      "line 7: the key is neither hex nor base64",
      "line 8: not "<id> <key>"",
      "line 10: id used twice",
      "line 11: the key has 65 bytes, not 32 to 64",
    ]
  `);
});

test('parseKeys() wants one key or two', () => {
  expect(parseKeys('# none yet\n').problems).toEqual(['no key in it']);
  const three = [1, 2, 3].map((id) => `${id} ${Buffer.alloc(32, id).toString('hex')}`).join('\n');
  expect(parseKeys(three).problems).toEqual(['3 keys, at most 2 are valid']);
});

test('loadKeyFile() warns of a file that others can read, or the group can write', () => {
  const text = `1 ${ONE.toString('hex')}`;
  expect(loadKeyFile(write(text, 0o600)).warning).toBeUndefined();
  expect(loadKeyFile(write(text, 0o440)).warning).toBeUndefined();
  expect(loadKeyFile(write(text, 0o644)).warning).toMatch(/mode 0644, which lets others in/);
  expect(loadKeyFile(write(text, 0o620)).warning).toMatch(/mode 0620/);
});

test('loadKeyFile() says how to make a file that is not there', () => {
  const missing = path.join(folder, 'missing.key');
  expect(() => loadKeyFile(missing)).toThrow(`Cannot read the key file "${missing}": ENOENT`);
  let hint: string | undefined;
  try {
    loadKeyFile(missing);
  } catch (err) {
    hint = err instanceof OperationalError ? err.hint : undefined;
  }
  expect(hint).toContain(`openssl rand -base64 32)" > ${missing})`);
});

test('loadKeyFile() refuses what is no small file', () => {
  expect(() => loadKeyFile(folder)).toThrow(/not a small regular file|EISDIR/);
  expect(() => loadKeyFile(write('#'.repeat(5000)))).toThrow('not a small regular file');
  expect(() => loadKeyFile('/dev/zero')).toThrow('not a small regular file');
});
