import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OwnedAddresses } from '../../src/daemon/owned-addresses.ts';
import { ip } from '../core/plan/world-builder.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'fairlead-owned-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('OwnedAddresses tells the next process what this one bound', () => {
  const file = path.join(folder, 'run', 'fairlead.addresses');
  new OwnedAddresses(file).add([ip('192.0.2.10'), ip('2001:db8::10')]);
  expect([...new OwnedAddresses(file).addresses]).toEqual(['192.0.2.10', '2001:db8::10']);
});

test('OwnedAddresses refuses what it could not write, each time, until it could', () => {
  const inTheWay = path.join(folder, 'run');
  const owned = new OwnedAddresses(path.join(inTheWay, 'fairlead.addresses'));
  writeFileSync(inTheWay, '');
  const add = (): void => owned.add([ip('192.0.2.10')]);
  expect(add).toThrow(/Cannot write/);
  expect(add).toThrow(/Cannot write/);
  expect(owned.addresses.size).toBe(0);
  rmSync(inTheWay);
  mkdirSync(inTheWay);
  add();
  expect([...owned.addresses]).toEqual(['192.0.2.10']);
});
