import { SocketAddress } from 'node:net';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  compareIp,
  formatEndpoint,
  ipBytes,
  ipFamily,
  ipFromBytes,
  isLoopback,
  isMulticast,
  parseIpAddress,
} from '../../../src/core/address/ip.ts';

/** An address that the test wrote and knows to be one. */
function ip(text: string) {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  return address;
}

const anyBytes = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // Runs of zeros are where the canonical form has its rules, and chance seldom makes them.
  fc
    .array(fc.constantFrom(0, 0, 0, 1, 0xffff), { minLength: 8, maxLength: 8 })
    .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]))),
);

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  // RFC 5952 §1, §2 and §4.
  ['2001:DB8::1', '2001:db8::1'],
  ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8::0:1', '2001:db8::1'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
])('parseIpAddress() reads %s as %s', (text, canonical) => {
  expect(parseIpAddress(text)).toBe(canonical);
});

test.each([
  '',
  '192.0.2',
  '192.0.2.1.5',
  '192.0.2.256',
  '192.0.2.01',
  '0x7f.0.0.1',
  '3221225985',
  ' 192.0.2.1',
  '192.0.2.1/24',
  '192.0.2.１',
  ':',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7:8::',
  '12345::',
  'fe80::1%eth0',
  '[::1]',
  '::192.0.2.1:1',
  '1.2.3.4::',
  // The same node as 192.0.2.1, under a second name.
  '::ffff:192.0.2.1',
  '::ffff:c000:201',
])('parseIpAddress() refuses "%s"', (text) => {
  expect(parseIpAddress(text)).toBeUndefined();
});

test('parseIpAddress(ipFromBytes(x)) has the bytes of x', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const address = ipFromBytes(bytes);
      expect(parseIpAddress(address)).toBe(address);
      const back = ipBytes(address);
      expect([...back]).toEqual(Array.from(bytes.slice(bytes.length - back.length)));
    }),
  );
});

test('parseIpAddress() agrees with the C library on what is IPv6, and on its canonical text', () => {
  const almostIpv6 = fc
    .array(fc.constantFrom('0', '1', '00ab', 'ffff', ':', '::', ':', '12345'), { maxLength: 17 })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(almostIpv6, (text) => {
      if (!text.includes(':')) return;
      let theirs: string | undefined;
      try {
        theirs = new SocketAddress({ address: text, family: 'ipv6' }).address;
      } catch {
        theirs = undefined;
      }
      // inet_ntop(3) writes IPv4-compatible and mapped addresses with dots; ours never does.
      if (theirs?.includes('.')) return;
      expect(parseIpAddress(text)).toBe(theirs);
    }),
    { numRuns: 2000 },
  );
});

test('parseIpAddress() throws nothing, whatever the text', () => {
  fc.assert(fc.property(fc.string(), (text) => void parseIpAddress(text)));
});

test('compareIp() sorts as numbers do, IPv4 first', () => {
  const sorted = ['10.0.0.2', '2001:db8::', '9.0.0.1', '::1', '10.0.0.10'].map(ip).sort(compareIp);
  expect(sorted).toEqual(['9.0.0.1', '10.0.0.2', '10.0.0.10', '::1', '2001:db8::']);
});

test('formatEndpoint() brackets IPv6', () => {
  expect(formatEndpoint(ip('192.0.2.1'), 80)).toBe('192.0.2.1:80');
  expect(formatEndpoint(ip('2001:db8::1'), 80)).toBe('[2001:db8::1]:80');
});

test('an address knows its family and kind', () => {
  expect(ipFamily(ip('192.0.2.1'))).toBe('ipv4');
  expect(ipFamily(ip('::'))).toBe('ipv6');
  expect([ip('224.0.0.18'), ip('255.255.255.255'), ip('ff02::1')].every(isMulticast)).toBe(true);
  expect([ip('223.255.255.255'), ip('fe80::1'), ip('240.0.0.1')].some(isMulticast)).toBe(false);
  expect([ip('127.8.0.1'), ip('::1')].every(isLoopback)).toBe(true);
});

test('ipFromBytes() refuses other lengths', () => {
  expect(() => ipFromBytes(new Uint8Array(5))).toThrow(RangeError);
});
