import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { macBytes, macFromBytes, parseMacAddress } from '../../../src/core/address/mac.ts';

test('parseMacAddress() reads both usual forms and writes one', () => {
  expect(parseMacAddress('02:42:AC:11:00:02')).toBe('02:42:ac:11:00:02');
  expect(parseMacAddress('02-42-ac-11-00-02')).toBe('02:42:ac:11:00:02');
});

test.each([
  '',
  '02:42:ac:11:00',
  '02:42:ac:11:00:02:03',
  '02:42-ac:11:00:02',
  '2:42:ac:11:0:2',
  '0242ac110002',
])('parseMacAddress() refuses "%s"', (text) => {
  expect(parseMacAddress(text)).toBeUndefined();
});

test('macBytes(macFromBytes(x)) is x', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
      const mac = macFromBytes(bytes);
      expect(parseMacAddress(mac)).toBe(mac);
      expect([...macBytes(mac)]).toEqual([...bytes]);
    }),
  );
});

test('macFromBytes() refuses other lengths', () => {
  expect(() => macFromBytes(new Uint8Array(8))).toThrow(RangeError);
});
