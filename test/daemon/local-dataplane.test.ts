import { expect, test } from 'vitest';
import { ipFromBytes } from '../../src/core/address/ip.ts';
import type { LinkAddress } from '../../src/core/plan/state.ts';
import { Announcer } from '../../src/daemon/announcer.ts';
import { type LeasedAddress, LocalDataplane } from '../../src/daemon/local-dataplane.ts';
import { HeldRight } from '../../src/daemon/right.ts';

const CLOCK = { now: (): number => 1000, wall: () => '' };

function vips(count: number): readonly LinkAddress[] {
  return Array.from({ length: count }, (_, n) => ({
    linkIndex: 2,
    link: 'eth0',
    address: ipFromBytes(Uint8Array.of(10, 0, n >> 8, n & 0xff)),
    prefixLength: 32,
  }));
}

/** Holds `held`, and notes what is bound. */
function dataplane(held: readonly LinkAddress[]): {
  dataplane: LocalDataplane;
  bound: LeasedAddress[];
} {
  const bound: LeasedAddress[] = [];
  const right = new HeldRight(50, {
    clock: CLOCK,
    storeDeadline: () => true,
    fired: () => {},
    begun: () => {},
    changed: () => {},
    withdrawn: async () => {},
  });
  right.extend(1300);
  const parts = {
    kernel: {
      links: async () => [],
      addresses: async () => [],
      addAddresses: async (requests: readonly LeasedAddress[]) => {
        bound.push(...requests);
        return requests.map(() => undefined);
      },
      deleteAddresses: async () => [],
    },
    gate: undefined,
    guard: { addresses: held, guard: async () => {} },
    forwarder: {
      listeners: [],
      setListeners: async () => [],
      resetConnections: async () => {},
    },
    announcer: new Announcer({
      clock: CLOCK,
      deadline: () => 0,
      intervalMs: () => 1000,
      send: async () => {},
      announced: () => {},
      failed: () => {},
    }),
    right,
    owned: { addresses: new Set(held.map((item) => item.address)), add: () => {} },
    configured: () => new Set(held.map((item) => item.address)),
  };
  return { dataplane: new LocalDataplane(parts), bound };
}

test('LocalDataplane binds one of many for as long as the refreshing of all takes to come', async () => {
  const all = vips(2000);
  const { dataplane: subject, bound } = dataplane(all);
  await subject.refresh(all);
  await subject.apply({ kind: 'add-addresses', addresses: all.slice(0, 1) });
  expect(new Set(bound.map((item) => item.validSeconds))).toEqual(new Set([10]));
});
