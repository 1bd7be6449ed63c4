import { EventEmitter, once } from 'node:events';
import { expect, test } from 'vitest';
import type { LinkAddress } from '../../src/core/plan/state.ts';
import { BoundedGate } from '../../src/daemon/bounded-gate.ts';
import type { GatePort } from '../../src/daemon/local-dataplane.ts';
import { ip } from '../core/plan/world-builder.ts';

const VIP: LinkAddress = {
  linkIndex: 2,
  link: 'eth0',
  address: ip('192.0.2.10'),
  prefixLength: 32,
};

test('BoundedGate waits 100 ms for nf_tables, and asks once for what is under way', async () => {
  const asked: number[] = [];
  let armed: readonly LinkAddress[] = [];
  const other = new EventEmitter();
  const busy: GatePort = {
    get armed() {
      return armed;
    },
    isOpen: false,
    arm: async (addresses) => {
      asked.push(addresses.length);
      await once(other, 'done');
      armed = addresses;
    },
    acquire: async () => {},
    close: () => new Promise(() => {}),
  };
  const gate = new BoundedGate(busy);
  await expect(gate.arm([VIP])).rejects.toThrow('Cannot arm the gate within 100 ms');
  await expect(gate.arm([VIP])).rejects.toThrow('Cannot arm the gate within 100 ms');
  other.emit('done');
  await gate.arm([VIP]);
  expect(asked).toEqual([1]);
  expect(gate.armed).toEqual([VIP]);
  await gate.acquire();
  await expect(gate.close()).rejects.toThrow('Cannot close the gate within 100 ms');
});
