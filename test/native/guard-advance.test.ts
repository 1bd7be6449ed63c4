import { expect, test } from 'vitest';
import { ipFromBytes } from '../../src/core/address/ip.ts';
import { loadBinding } from '../../src/dataplane/binding.ts';
import { startGuard } from '../../src/dataplane/guard.ts';
import { inNamespaces } from '../lab/namespaces.ts';

const VIP = {
  linkIndex: 1,
  link: 'lo',
  address: ipFromBytes(Uint8Array.of(192, 0, 2, 10)),
  prefixLength: 32,
};

test.skipIf(!inNamespaces)(
  'a guard that was told what to withdraw before there was a deadline keeps that, too',
  async () => {
    const binding = loadBinding();
    const firedAt: number[] = [];
    const guard = await startGuard({
      onFired: () => firedAt.push(binding.bootTimeMs()),
      onReplaced() {},
      onDegraded() {},
      onRestored() {},
      onOrphaned() {},
    });
    await guard.guard([VIP]);
    // Its timer must be set by the deadline itself: the next ping may come too late for that.
    const deadline = binding.bootTimeMs() + 100;
    expect(guard.storeDeadline(deadline)).toBe(true);
    await expect.poll(() => firedAt.length).toBe(1);
    expect(firedAt[0]).toBeGreaterThanOrEqual(deadline);
    expect(firedAt[0]).toBeLessThan(deadline + 500);
    expect(guard.storeDeadline(binding.bootTimeMs() + 1000)).toBe(false);
    guard.storeDeadline(0);
    await guard.guard([VIP]);
    expect(guard.addresses).toEqual([VIP]);
    await guard.close();
  },
);
