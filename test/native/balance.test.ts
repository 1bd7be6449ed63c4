import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { compile } from '../lab/compile.ts';

test('native/balance: hashes, turns, tables and ejections', () => {
  const program = compile('test/native/balance.cc', ['-pthread'], ['native/balance']);
  expect(execFileSync(program, { encoding: 'utf8' })).toMatchInlineSnapshot(`
    "hash of 0: 726fdb47dd0e0e31
    hash of 1: 74f839c593dc67fd
    hash of 7: ab0200f58b01d137
    hash of 8: 93f5f5799a932462
    hash of 15: a129ca6149be45e5
    hash of 63: 958a324ceb064572
    turns: 0 1 2
    turns: 0 0 1 0 2 0 0
    turns: 0 2 0
    turns:
    many turns: 83 and 1 and 82 of 16320
    places of 16381: 4096 4095 4095 4095
    places of 16381: 9360 4681 0 2340
    places of 0: 0
    in another order: the same
    6 of 1000 places of the others moved
    13 of 1000 places of the others moved
    2 of 1000 places of the others moved
    admits 1
    admits 1
    admits 1
    10000 ms: 0, then 1 0 1
    20000 ms: 0, then 1 0 1
    40000 ms: 0, then 1 0 1
    60000 ms: 0, then 1 0 1
    60000 ms: 0, then 1 0 1
    after a success: 1 0 of 6
    again: 10000 ms
    tries of 8 threads: 1
    "
  `);
}, 120_000);
