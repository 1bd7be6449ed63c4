import { expect, test } from 'vitest';
import { loadBinding } from '../../src/dataplane/binding.ts';

// RFC 5227, "IPv4 Address Conflict Detection": the ARP announcement.

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
