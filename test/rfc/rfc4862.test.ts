import { expect, test } from 'vitest';
import { loadBinding } from '../../src/dataplane/binding.ts';
import { FrameReader } from './frames.ts';

// RFC 4862 §5.4, duplicate address detection: the question, and what answers it (RFC 4861 §4.3,
// §4.4).

const MAC = '02:00:00:00:00:0b';
const OURS = { mac: MAC, address: '2001:db8::12:3456' };
const VIP = '20010db8000000000000000000123456';

test('§5.4.2: a solicitation from nobody to the solicited-node address, without options', () => {
  const reader = new FrameReader(loadBinding().probeFrame(OURS));
  // RFC 2464 §7, RFC 4291 §2.7.1.
  expect([reader.mac(), reader.mac(), reader.number(2)]).toEqual([
    '33:33:ff:12:34:56',
    MAC,
    0x86dd,
  ]);
  expect([reader.number(4), reader.number(2), reader.number(1), reader.number(1)]).toEqual([
    0x60000000, 24, 58, 255,
  ]);
  expect([reader.hex(16), reader.hex(16)]).toEqual([
    '00000000000000000000000000000000',
    'ff0200000000000000000001ff123456',
  ]);
  // By hand: ff02 + 1 + ff12 + 3456, 18 + 3a, 8700, 2001 + 0db8 + 12 + 3456 = 2 eb85 folded, eb87;
  // hence 1479 when inverted.
  const sum = [0xff02, 1, 0xff12, 0x3456, 24, 58, 0x8700, 0x2001, 0x0db8, 0x12, 0x3456];
  const total = sum.reduce((one, other) => one + other, 0);
  const folded = (total & 0xffff) + (total >> 16);
  expect([reader.number(1), reader.number(1), reader.number(2), reader.number(4)]).toEqual([
    135,
    0,
    ~folded & 0xffff,
    0,
  ]);
  expect([reader.hex(16), reader.rest]).toEqual([VIP, 0]);
});

test('§5.4.4: an advertisement claims its target, for the machine that its option names', () => {
  const binding = loadBinding();
  const frame = binding.unsolicitedNaFrame({ ...OURS, router: false });
  expect(binding.claimInFrame(frame)).toEqual(OURS);
  // The Ethernet source may be another: a proxy, or a bond.
  const relayed = Uint8Array.from(frame);
  relayed.set([2, 0, 0, 0, 0, 0x99], 6);
  expect(binding.claimInFrame(relayed)).toEqual(OURS);
});

test('RFC 4861 §7.2.3: a solicitation claims the address that it is sent from', () => {
  const binding = loadBinding();
  const probe = binding.probeFrame(OURS);
  expect(binding.claimInFrame(probe)).toBeNull();
  const question = Uint8Array.from(probe);
  question.set(Buffer.from(VIP, 'hex'), 22);
  expect(binding.claimInFrame(question)).toEqual(OURS);
});

test('RFC 4861 §7.1: what came from beyond the link, or is cut off, claims nothing', () => {
  const binding = loadBinding();
  const sound = binding.unsolicitedNaFrame({ ...OURS, router: true });
  const altered = (offset: number, octet: number): Uint8Array => {
    const copy = Uint8Array.from(sound);
    copy[offset] = octet;
    return copy;
  };
  // Hop limit, next header, message type.
  for (const frame of [altered(21, 64), altered(20, 17), altered(54, 128)]) {
    expect(binding.claimInFrame(frame)).toBeNull();
  }
  for (let length = 0; length < sound.length; length += 1) {
    expect(binding.claimInFrame(sound.subarray(0, length))).toBeNull();
  }
  // An option of length zero would have a reader go on for ever (RFC 4861 §4.6).
  expect(binding.claimInFrame(altered(79, 0))).toMatchObject({ address: OURS.address });
});
