import { expect, test } from 'vitest';
import { desired } from '../../../src/core/plan/desired.ts';
import { placeVips } from '../../../src/core/plan/place.ts';
import { NOTHING } from '../../../src/core/plan/state.ts';
import type { WantedVip, World } from '../../../src/core/plan/world.ts';
import { ETH0, ETH1, ip, own, world } from './world-builder.ts';

function vip(address: string, wanted?: string): WantedVip {
  const prefixLength = address.includes(':') ? 128 : 32;
  return { address: ip(address), prefixLength, interface: wanted };
}

function placed(item: WantedVip, changes: Partial<World> = {}): string {
  const [placement] = placeVips(world({ vips: [item], ...changes }));
  if (placement === undefined) return 'none';
  return placement.kind === 'placed' ? placement.link.name : placement.problem.reason;
}

test('desired() wants nothing of the VIP without the right but that the guard knows it', () => {
  const { state } = desired(world({ right: false }));
  expect(state.listeners.map((listener) => listener.id)).toEqual(['web@:::80']);
  expect([state.addresses, state.announcements]).toEqual([[], []]);
  expect(state.guarded.map((item) => item.address)).toEqual(['192.0.2.10']);
});

function gateIn(changes: Partial<World>): string {
  const { armed, gate } = desired(world(changes)).state;
  return `${armed.length} ${gate}`;
}

test('desired() has the gate before every VIP in advance, and open only with the right', () => {
  expect(gateIn({})).toBe('1 open');
  expect(gateIn({ right: false })).toBe('1 closed');
  expect(gateIn({ leaving: true })).toBe('1 closed');
  expect(gateIn({ gated: false })).toBe('0 closed');
});

test('desired() wants nothing at all on the way out', () => {
  const { state } = desired(world({ leaving: true }));
  expect(state).toEqual({ ...NOTHING, armed: state.armed });
  expect(state.armed).toHaveLength(1);
});

test('desired() sends no announcement when gratuitousARP is false', () => {
  expect(desired(world({ announce: false })).state.announcements).toEqual([]);
});

test('desired() keeps the VIP of a link without carrier, silently, and says so', () => {
  const { state, problems } = desired(world({ links: [{ ...ETH0, carrier: false }] }));
  expect(state.addresses).toHaveLength(1);
  expect(state.announcements).toEqual([]);
  expect(problems).toEqual([{ vip: '192.0.2.10', reason: 'no-carrier', interface: 'eth0' }]);
});

test('placeVips() takes the link that is named', () => {
  expect(placed(vip('203.0.113.1', 'eth1'))).toBe('eth1');
  expect(placed(vip('203.0.113.1', 'eth7'))).toBe('link-missing');
});

test('a VIP that is withheld is not bound, and the rest is told where to ask for it', () => {
  const vips = ['192.0.2.10', '192.0.2.11'].map((text) => vip(text, 'eth0'));
  const withheld = new Set([ip('192.0.2.11')]);
  const wanted = desired(world({ vips, withheld }));
  expect(wanted.state.addresses.map(({ address }) => address)).toEqual(['192.0.2.10']);
  expect(wanted.state.announcements).toHaveLength(1);
  expect(wanted.state.listeners.map(({ address }) => address)).not.toContain('192.0.2.11');
  expect(wanted.withheld).toMatchObject([{ address: '192.0.2.11', link: 'eth0', mac: ETH0.mac }]);
  const deaf = { ...ETH0, carrier: false };
  expect(desired(world({ vips, withheld, links: [deaf] })).withheld).toEqual([]);
});

test('placeVips() finds the link whose subnet has the VIP', () => {
  expect(placed(vip('198.51.100.9'))).toBe('eth1');
  expect(placed(vip('203.0.113.1'))).toBe('link-missing');
});

test('placeVips() reads a subnet and a pattern', () => {
  expect(placed(vip('203.0.113.1', '198.51.100.0/24'))).toBe('eth1');
  expect(placed(vip('192.0.2.10', 'eth*'))).toBe('eth0');
  expect(placed(vip('192.0.2.10', 'e?h1'))).toBe('eth1');
  expect(placed(vip('203.0.113.1', 'eth*'))).toBe('link-ambiguous');
  expect(placed(vip('203.0.113.1', 'et.*'))).toBe('link-missing');
});

test('placeVips() does not let a bound VIP vouch for its own link', () => {
  const addresses = [own(3, '192.0.2.10/24', true), own(3, '192.0.2.10/24')];
  expect(placed(vip('192.0.2.10'), { addresses })).toBe('link-missing');
});

test('placeVips() places both families', () => {
  const addresses = [own(2, '192.0.2.1/24'), own(3, '2001:db8::1/64')];
  expect(placed(vip('2001:db8::10'), { addresses, links: [ETH0, ETH1] })).toBe('eth1');
});
