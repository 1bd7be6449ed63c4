import { expect, test } from 'vitest';
import { loadBinding } from '../../src/dataplane/binding.ts';

// RFC 5227, "IPv4 Address Conflict Detection": announcement, probe, and what is a conflict.

const MAC = '02:00:00:00:00:0b';
const VIP = 'c000020a';

/** The four addresses of an ARP packet, in hexadecimal. */
function addressesOf(form: 'request' | 'reply') {
  const frame = loadBinding().arpAnnouncementFrame({ mac: MAC, address: '192.0.2.10', form });
  const hex = (begin: number, end: number) =>
    Buffer.from(frame.subarray(begin, end)).toString('hex');
  return {
    destination: hex(0, 6),
    operation: hex(20, 22),
    senderMac: hex(22, 28),
    senderIp: hex(28, 32),
    targetMac: hex(32, 38),
    targetIp: hex(38, 42),
  };
}

test('§2.3: an announcement is a request whose sender and target IP address are both the VIP', () => {
  const { operation, senderIp, targetIp } = addressesOf('request');
  expect({ operation, senderIp, targetIp }).toEqual({
    operation: '0001',
    senderIp: VIP,
    targetIp: VIP,
  });
});

test('§2.3 by §2.1.1: the sender is the interface, the target hardware address is all zeroes', () => {
  const { senderMac, targetMac } = addressesOf('request');
  expect({ senderMac, targetMac }).toEqual({
    senderMac: '02000000000b',
    targetMac: '000000000000',
  });
});

test('§2.1.1, §2.6: it is broadcast', () => {
  expect(addressesOf('request').destination).toBe('ffffffffffff');
  expect(addressesOf('reply').destination).toBe('ffffffffffff');
});

test('§3 prefers the request; in the reply that goes with it the sender stands as target too', () => {
  // Linux ignores a reply with a target of zero or broadcast while its own entry is younger than a
  // second (net/ipv4/arp.c, arp_is_garp), so the form matters.
  expect(addressesOf('reply')).toEqual({
    destination: 'ffffffffffff',
    operation: '0002',
    senderMac: '02000000000b',
    senderIp: VIP,
    targetMac: '02000000000b',
    targetIp: VIP,
  });
});

function probeFrame(): Uint8Array {
  return loadBinding().probeFrame({ mac: MAC, address: '192.0.2.10' });
}

test('§2.1.1: a probe is a request without sender address, and no target hardware address', () => {
  expect(Buffer.from(probeFrame()).toString('hex')).toBe(
    [
      'ffffffffffff02000000000b0806',
      '0001080006040001',
      '02000000000b00000000',
      '000000000000c000020a',
    ].join(''),
  );
});

/** A frame with octets replaced, from `offset` on. */
function altered(frame: Uint8Array, offset: number, octets: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(frame);
  copy.set(octets, offset);
  return copy;
}

test('§2.4: an ARP packet of either kind claims its sender address', () => {
  const binding = loadBinding();
  const ours = { mac: MAC, address: '192.0.2.10' };
  for (const form of ['request', 'reply'] as const) {
    const announcement = binding.arpAnnouncementFrame({ ...ours, form });
    expect(binding.claimInFrame(announcement)).toEqual(ours);
    // Whoever is asked for, and whatever is behind: Ethernet fills frames up to 60 octets.
    const asked = altered(announcement, 38, [192, 0, 2, 99]);
    expect(binding.claimInFrame(Buffer.concat([asked, Buffer.alloc(18)]))).toEqual(ours);
  }
});

test('§2.4: a probe claims nothing: the holder answers it', () => {
  expect(loadBinding().claimInFrame(probeFrame())).toBeNull();
});

test('what is no ARP of Ethernet and IPv4, or cut off, claims nothing', () => {
  const binding = loadBinding();
  const sound = binding.arpAnnouncementFrame({ mac: MAC, address: '192.0.2.10', form: 'request' });
  const frames = [
    altered(sound, 12, [0x08, 0x00]),
    altered(sound, 14, [0, 6]),
    altered(sound, 16, [0x86, 0xdd]),
    altered(sound, 18, [8]),
    altered(sound, 19, [16]),
    altered(sound, 20, [0, 8]),
  ];
  for (const frame of frames) expect(binding.claimInFrame(frame)).toBeNull();
  for (let length = 0; length < sound.length; length += 1) {
    expect(binding.claimInFrame(sound.subarray(0, length))).toBeNull();
  }
});
