import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OperationalError } from '../../src/core/errors.ts';
import { readCaFile } from '../../src/health/ca-file.ts';
import { CA, OTHER_CA, SERVER_KEY } from './certificates.ts';

let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'fairlead-ca-'));
  file = path.join(folder, 'ca.crt');
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function refusal(at: string): Promise<OperationalError> {
  const err: unknown = await readCaFile(at).catch((thrown: unknown) => thrown);
  if (!(err instanceof OperationalError)) throw new Error('it was read');
  return err;
}

test('readCaFile() takes every certificate of a file, and nothing else', async () => {
  writeFileSync(file, `The CAs of 2026\n${CA}\n${SERVER_KEY}\n${OTHER_CA}`);
  expect(await readCaFile(file)).toBe(`${CA.trim()}\n${OTHER_CA.trim()}\n`);
});

test('readCaFile() names the file and the cure when it is not there', async () => {
  const absent = path.join(folder, 'absent.crt');
  const err = await refusal(absent);
  expect(err.code).toBe('ENOENT');
  expect(err.message).toBe(`Cannot read the CA file "${absent}": ENOENT`);
  expect(err.hint).toBe(
    `Write the certificate of the backends' CA to ${absent}, in PEM, or set insecure: true`,
  );
});

test('readCaFile() refuses what is no certificate', async () => {
  writeFileSync(file, SERVER_KEY);
  const without = await refusal(file);
  expect(without.code).toBe('bad-ca-file');
  expect(without.message).toBe(`Cannot use the CA file "${file}": it holds no certificate in PEM`);
  writeFileSync(file, `${CA}${OTHER_CA.replace(/\nMI/, '\nAA')}`);
  const broken = await refusal(file);
  expect(broken.message).toBe(`Cannot use the CA file "${file}": certificate 2 of 2 is broken`);
  expect((await refusal(folder)).message).toBe(
    `Cannot use the CA file "${folder}": not a small regular file`,
  );
});
