import { expect, test } from 'vitest';
import { loadBinding } from '../../src/dataplane/binding.ts';
import { FrameReader } from './frames.ts';

// RFC 4861, "Neighbor Discovery for IP version 6": the unsolicited Neighbor Advertisement.

const MAC = '02:00:00:00:00:0b';
const VIP = '20010db8000000000000000000000010';
const ALL_NODES = 'ff020000000000000000000000000001';

function frameOf(options: { readonly router?: boolean; readonly address?: string } = {}) {
  const { router = false, address = '2001:db8::10' } = options;
  return loadBinding().unsolicitedNaFrame({ mac: MAC, address, router });
}

function read(frame: Uint8Array) {
  const reader = new FrameReader(frame);
  return {
    ethernet: { destination: reader.mac(), source: reader.mac(), type: reader.number(2) },
    ip: {
      versionClassFlow: reader.number(4),
      payloadLength: reader.number(2),
      nextHeader: reader.number(1),
      hopLimit: reader.number(1),
      source: reader.hex(16),
      destination: reader.hex(16),
    },
    message: {
      type: reader.number(1),
      code: reader.number(1),
      checksum: reader.number(2),
      flags: reader.number(4),
      target: reader.hex(16),
    },
    option: { type: reader.number(1), length: reader.number(1), mac: reader.mac() },
    rest: reader.rest,
  };
}

/** RFC 1071's sum over the pseudo-header of RFC 8200 §8.1 and the message: all ones when sound. */
function checksumOf(frame: Uint8Array): number {
  const pseudoHeader = [...frame.subarray(22, 54), 0, 0, 0, 32, 0, 0, 0, 58];
  const octets = [...pseudoHeader, ...frame.subarray(54)];
  let sum = 0;
  for (let i = 0; i < octets.length; i += 2) {
    sum += (octets[i] ?? 0) * 256 + (octets[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

test('§4.4: the message format', () => {
  const { message } = read(frameOf());
  expect(message).toMatchObject({ type: 136, code: 0, target: VIP });
});

test('§7.2.6: unsolicited, so to all nodes, without Solicited, with Override', () => {
  const { ip, message } = read(frameOf());
  expect(ip.destination).toBe(ALL_NODES);
  expect(message.flags).toBe(0x20000000); // R|S|O|reserved, from the top: Override alone.
});

test('§4.4, §7.2.6: the Router flag as the node is one', () => {
  expect(read(frameOf({ router: true })).message.flags).toBe(0xa0000000);
});

test('§4.4: the source is an address of the sending interface: the VIP', () => {
  expect(read(frameOf()).ip.source).toBe(VIP);
});

test('§7.1.2: hop limit 255, or it is discarded', () => {
  expect(read(frameOf()).ip).toMatchObject({
    versionClassFlow: 0x60000000,
    payloadLength: 32,
    nextHeader: 58,
    hopLimit: 255,
  });
});

test('§7.2.6, §4.6.1: the Target Link-Layer Address option, in units of 8 octets', () => {
  const { option, rest } = read(frameOf());
  expect(option).toEqual({ type: 2, length: 1, mac: MAC });
  expect(rest).toBe(0);
});

test('RFC 2464 §7: all nodes are the Ethernet group 33:33:00:00:00:01', () => {
  expect(read(frameOf()).ethernet).toEqual({
    destination: '33:33:00:00:00:01',
    source: MAC,
    type: 0x86dd,
  });
});

test('RFC 4443 §2.3: the checksum', () => {
  for (const address of ['2001:db8::10', 'fe80::1', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']) {
    for (const router of [true, false])
      expect(checksumOf(frameOf({ address, router }))).toBe(0xffff);
  }
  // By hand, so that no mistake can be shared: 2 × (2001 + 0db8 + 0010) for source and target, ff02
  // + 0001 destination, 0020 + 003a, 8800, 2000, 0201 + 0200 + 000b = 2 06fb; folded 06fd; inverted
  // f902.
  expect(read(frameOf()).message.checksum).toBe(0xf902);
});

test('an IPv4 address has no such message', () => {
  expect(() => frameOf({ address: '192.0.2.10' })).toThrow('address is not an IPv6 address');
});
