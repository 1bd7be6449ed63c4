import { expect, test } from 'vitest';
import { loadBinding } from '../../src/dataplane/binding.ts';
import { FrameReader } from './frames.ts';

// RFC 826, "Packet format": the fields in the order in which the figure has them, for Ethernet (48
// bits) and IPv4 (32 bits).

const MAC = '02:00:00:00:00:0b';

for (const [form, opcode] of [
  ['request', 1],
  ['reply', 2],
] as const) {
  test(`the packet format, as a ${form}`, () => {
    const frame = loadBinding().arpAnnouncementFrame({ mac: MAC, address: '192.0.2.10', form });
    const reader = new FrameReader(frame);
    expect({
      ethernetDestination: reader.mac(),
      ethernetSource: reader.mac(),
      'type (ether_type$ADDRESS_RESOLUTION)': reader.number(2),
      'ar$hrd (ares_hrd$Ethernet)': reader.number(2),
      ar$pro: reader.number(2),
      ar$hln: reader.number(1),
      ar$pln: reader.number(1),
      ar$op: reader.number(2),
      ar$sha: reader.mac(),
      ar$spa: reader.ipv4(),
    }).toEqual({
      ethernetDestination: 'ff:ff:ff:ff:ff:ff',
      ethernetSource: MAC,
      'type (ether_type$ADDRESS_RESOLUTION)': 0x0806,
      'ar$hrd (ares_hrd$Ethernet)': 1,
      ar$pro: 0x0800,
      ar$hln: 6,
      ar$pln: 4,
      ar$op: opcode,
      ar$sha: MAC,
      ar$spa: '192.0.2.10',
    });
    reader.mac(); // ar$tha: what an announcement puts there is RFC 5227's matter.
    expect(reader.ipv4()).toBe('192.0.2.10');
    expect(reader.rest).toBe(0);
  });
}

test('the frame of a request, octet for octet', () => {
  expect(Buffer.from(requestFor('192.0.2.10')).toString('hex')).toBe(
    ['ffffffffffff', '02000000000b', '0806', '0001', '0800', '06', '04', '0001']
      .concat('02000000000b', 'c000020a', '000000000000', 'c000020a')
      .join(''),
  );
});

function requestFor(address: string): Uint8Array {
  return loadBinding().arpAnnouncementFrame({ mac: MAC, address, form: 'request' });
}

test('an address of another length has no such frame', () => {
  expect(() => requestFor('2001:db8::10')).toThrow('address is not an IPv4 address');
  expect(() => requestFor('192.0.2')).toThrow('address is not an IP address');
});
