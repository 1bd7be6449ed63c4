import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  cidrContains,
  formatCidr,
  networkOf,
  parseAddressWithPrefix,
  parseCidr,
} from '../../../src/core/address/cidr.ts';
import { ipFromBytes, parseIpAddress } from '../../../src/core/address/ip.ts';

function contains(range: string, text: string): boolean {
  const cidr = parseCidr(range);
  const address = parseIpAddress(text);
  if (cidr === undefined || address === undefined) throw new Error(`cannot read ${range}, ${text}`);
  return cidrContains(cidr, address);
}

test.each([
  ['192.0.2.0/24', '192.0.2.0/24'],
  ['192.0.2.77/24', '192.0.2.0/24'],
  ['192.0.2.201/29', '192.0.2.200/29'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['192.0.2.1/32', '192.0.2.1/32'],
  ['2001:DB8:1::ff/33', '2001:db8::/33'],
  ['::1/128', '::1/128'],
])('parseCidr() reads %s as %s', (text, canonical) => {
  const cidr = parseCidr(text);
  expect(cidr && formatCidr(cidr)).toBe(canonical);
});

test.each([
  '192.0.2.0',
  '192.0.2.0/',
  '192.0.2.0/33',
  '192.0.2.0/024',
  '192.0.2/24',
  '::/129',
  '::/-1',
  '/24',
])('parseCidr() refuses "%s"', (text) => {
  expect(parseCidr(text)).toBeUndefined();
});

test('parseAddressWithPrefix() keeps the address itself', () => {
  expect(parseAddressWithPrefix('192.0.2.77/24')).toEqual({
    address: '192.0.2.77',
    prefixLength: 24,
  });
});

test('cidrContains() compares the prefix, within one family', () => {
  expect(contains('192.0.2.0/25', '192.0.2.127')).toBe(true);
  expect(contains('192.0.2.0/25', '192.0.2.128')).toBe(false);
  expect(contains('2001:db8::/33', '2001:db8:7fff::1')).toBe(true);
  expect(contains('2001:db8::/33', '2001:db8:8000::1')).toBe(false);
  expect(contains('0.0.0.0/0', '::')).toBe(false);
});

test('a network contains each of its addresses, and shorter prefixes contain it', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.integer({ min: 0, max: 32 }),
      fc.integer({ min: 0, max: 32 }),
      (bytes, one, other) => {
        const address = ipFromBytes(bytes);
        const long = Math.max(one, other);
        const short = Math.min(one, other);
        const inner = { network: networkOf(address, long), prefixLength: long };
        const outer = { network: networkOf(address, short), prefixLength: short };
        expect(cidrContains(inner, address)).toBe(true);
        expect(cidrContains(outer, inner.network)).toBe(true);
      },
    ),
  );
});
