import { expect, test } from 'vitest';
import { sortAddresses } from '../../../src/core/plan/ownership.ts';
import type { KernelAddress } from '../../../src/core/plan/world.ts';
import { ETH0, ETH1, ip, own } from './world-builder.ts';

const CONFIGURED = new Set([ip('192.0.2.10'), ip('2001:db8::10')]);
/** It was in the configuration when this instance bound it. */
const FORMER = ip('192.0.2.11');

function sorted(addresses: readonly KernelAddress[]): Record<string, readonly string[]> {
  const { ours, foreign, untouchable } = sortAddresses(addresses, [ETH0, ETH1], {
    configured: CONFIGURED,
    owned: new Set([...CONFIGURED, FORMER]),
  });
  const text = (list: typeof ours): readonly string[] =>
    list.map((item) => `${item.address}/${item.prefixLength} ${item.link}`);
  return { ours: text(ours), foreign: text(foreign), untouchable: text(untouchable) };
}

test('sortAddresses() leaves the tagged addresses of another instance alone', () => {
  expect(sorted([own(2, '192.0.2.77/32', true), own(2, '192.0.2.1/24')])).toEqual({
    ours: [],
    foreign: [],
    untouchable: [],
  });
});

test('sortAddresses() tells ours by tag and name together', () => {
  const { ours } = sorted([own(2, '192.0.2.10/32', true), own(2, '192.0.2.1/24')]);
  expect(ours).toEqual(['192.0.2.10/32 eth0']);
});

test('sortAddresses() finds the VIP that keepalived left behind', () => {
  const { foreign } = sorted([own(2, '192.0.2.1/24'), own(2, '192.0.2.10/24')]);
  expect(foreign).toEqual(['192.0.2.10/24 eth0']);
});

test('sortAddresses() does not cut a machine off by deleting its only address', () => {
  const { foreign, untouchable } = sorted([own(2, '192.0.2.10/24'), own(2, 'fe80::1/64')]);
  expect([foreign, untouchable]).toEqual([[], ['192.0.2.10/24 eth0']]);
});

test('sortAddresses() finds a VIP that has left the configuration, if this instance bound it', () => {
  const { ours } = sorted([own(2, '192.0.2.1/24'), own(2, '192.0.2.11/32', true)]);
  expect(ours).toEqual(['192.0.2.11/32 eth0']);
});

test('sortAddresses() leaves an address alone that was a VIP before somebody made it their own', () => {
  const { foreign, untouchable } = sorted([own(2, '192.0.2.1/24'), own(2, '192.0.2.11/24')]);
  expect([foreign, untouchable]).toEqual([[], []]);
});
