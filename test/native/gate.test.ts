import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { loadBinding } from '../../src/dataplane/binding.ts';
import type { GateShape } from '../../src/dataplane/gate.ts';
import { inNamespaces, needsLab } from '../lab/namespaces.ts';
import { stopThread } from '../lab/stop-thread.ts';
import {
  type GateRig,
  onLink,
  openGateRig,
  reaches,
  sh,
  T_MS,
  TESTING,
  until,
  VIP4,
  VIP6,
} from './gate-rig.ts';

let rig: GateRig;

beforeAll(async () => {
  if (!inNamespaces) return;
  rig = await openGateRig('gate');
});

afterEach(async () => {
  if (inNamespaces) await rig.tidy();
});

afterAll(async () => {
  if (inNamespaces) await rig.close();
});

const SHAPES: readonly GateShape[] = ['netdev', 'inet'];
/** Rebuilding takes less than 50 ms; here the machine may have other things to do. */
const SOON_MS = 500;

const reachable = (): boolean[] => [VIP4, VIP6].map((vip) => reaches(rig.segment, vip));

for (const shape of SHAPES) {
  const testing = TESTING[shape];

  needsLab(
    `${shape}: a bound VIP answers nobody until the gate is acquired, and none after`,
    async () => {
      const gate = await rig.open({ ...(testing && { testing }) });
      expect(gate.shape).toBe(shape);
      await gate.arm(rig.vips());
      expect(gate.armed).toEqual(rig.vips());
      await rig.bind();
      expect(reachable()).toEqual([false, false]);

      rig.deadlineIn(60_000);
      await gate.acquire();
      expect(gate.isOpen).toBe(true);
      expect(reachable()).toEqual([true, true]);

      await gate.close();
      expect(gate.isOpen).toBe(false);
      expect(reachable()).toEqual([false, false]);
      await gate.remove();
      expect(sh('nft list ruleset')).toBe('');
      expect(reachable()).toEqual([true, true]);
      await rig.unbind();
    },
  );

  needsLab(`${shape}: it closes by itself before the deadline, and says so`, async () => {
    let changes = 0;
    const gate = await rig.open({
      ...(testing && { testing }),
      onChanged: () => {
        changes += 1;
      },
    });
    await gate.arm(rig.vips());
    const deadline = rig.deadlineIn(4 * T_MS);
    await gate.acquire();
    await sleep(deadline - rig.now());
    expect(sh('nft list ruleset')).not.toContain('expires');
    expect(changes).toBeGreaterThan(0);
    expect(gate.isOpen).toBe(false);
    await expect(gate.acquire()).rejects.toMatchObject({ code: 'ETIME' });
    await gate.remove();
  });

  needsLab(`${shape}: what is armed changes while it is open, and it stays open`, async () => {
    const gate = await rig.open({ ...(testing && { testing }) });
    rig.deadlineIn(60_000);
    await gate.acquire();
    const many = Array.from({ length: 5_000 }, (_, i) =>
      onLink(rig.segment.link, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`),
    );
    await gate.arm([...many, ...rig.vips()]);
    expect(gate.isOpen).toBe(true);
    await gate.close();
    expect(sh('nft list ruleset').match(/10\.0\.19\.135/g)?.length).toBe(3);
    await gate.acquire();
    await gate.arm(rig.vips());
    expect(gate.isOpen).toBe(true);
    expect(gate.rebuilt).toBe(0);
    // Not while it is open: in the shape inet each renewal makes nft begin anew.
    await gate.close();
    expect(sh('nft list ruleset')).not.toContain('10.0.19.135');
    expect(sh('nft list ruleset')).toContain(VIP6);
    await gate.remove();
  });

  needsLab(`${shape}: a flushed ruleset is made again, closed, and acquired`, async () => {
    const gate = await rig.open({ testing: { inetOnly: shape === 'inet', ownerless: true } });
    await gate.arm(rig.vips());
    rig.deadlineIn(60_000);
    await gate.acquire();
    await rig.bind();
    for (let round = 1; round <= 3; round += 1) {
      // A flush whose news comes in two parts is answered twice.
      const before = gate.rebuilt;
      sh('nft flush ruleset');
      await until(() => gate.rebuilt > before, SOON_MS);
      await until(() => gate.isOpen, SOON_MS);
      expect(gate.armed).toEqual(rig.vips());
    }
    expect(reachable()).toEqual([true, true]);
    await gate.close();
    expect(reachable()).toEqual([false, false]);
    const before = gate.rebuilt;
    sh('nft flush ruleset');
    await until(() => gate.rebuilt > before, SOON_MS);
    expect(reachable()).toEqual([false, false]);
    await rig.unbind();
    await gate.remove();
  });
}

/** The thread of this process that renews. */
function keeperThread(): number {
  const tids = readdirSync('/proc/self/task').map(Number);
  const keeper = tids.find(
    (tid) => readFileSync(`/proc/self/task/${tid}/comm`, 'utf8') === 'fairlead-gate\n',
  );
  if (keeper === undefined) throw new Error('no thread renews');
  return keeper;
}

needsLab('a gate whose keeper had no time is closed, and opens again by itself', async () => {
  const gate = await rig.open();
  await gate.arm(rig.vips());
  await rig.bind();
  rig.deadlineIn(60_000);
  await gate.acquire();
  const stopped = await stopThread(keeperThread());
  await sleep(2 * T_MS);
  expect(gate.isOpen).toBe(false);
  expect(reachable()).toEqual([false, false]);
  expect(gate.reopened).toBe(0);
  await stopped.resume();
  await until(() => gate.reopened > 0, SOON_MS);
  expect(gate.isOpen).toBe(true);
  expect(reachable()).toEqual([true, true]);
});

needsLab('owned tables stay when the ruleset is flushed', async () => {
  const gate = await rig.open();
  if (!gate.owned) return gate.remove(); // Below Linux 6.9.
  await gate.arm(rig.vips());
  const before = sh('nft list ruleset');
  sh('nft flush ruleset');
  expect(sh('nft list ruleset')).toBe(before);
  expect(() => sh('nft delete table netdev fairlead')).toThrow();
  expect(gate.rebuilt).toBe(0);
  await gate.remove();
});

needsLab('tables that a dead process left are closed, and taken over', async () => {
  const binding = loadBinding();
  const left = binding.openGate({ table: 'fairlead', timeoutMs: T_MS, page: rig.page });
  await binding.createGate(left);
  await binding.armGate(left, [
    { link: rig.segment.link.index, name: rig.segment.link.name, address: VIP4 },
  ]);
  rig.deadlineIn(60_000);
  await binding.acquireGate(left);
  await rig.bind();
  expect(reaches(rig.segment, VIP4)).toBe(true);
  binding.releaseGate(left);
  await sleep(T_MS);
  expect(reaches(rig.segment, VIP4)).toBe(false);

  const gate = await rig.open();
  await gate.arm(rig.vips());
  expect(reachable()).toEqual([false, false]);
  await gate.acquire();
  expect(reachable()).toEqual([true, true]);
  await gate.remove();
  expect(sh('nft list ruleset')).toBe('');
  await rig.unbind();
});

needsLab('a link that is made again is armed again', async () => {
  const gate = await rig.open();
  await gate.arm(rig.vips());
  rig.deadlineIn(60_000);
  await gate.acquire();
  const before = rig.vips();
  await rig.relay();
  await gate.arm(before);
  expect(gate.armed).toEqual([]);
  await gate.arm(rig.vips());
  expect(gate.armed).toEqual(rig.vips());
  await rig.bind();
  expect(reachable()).toEqual([true, true]);
  await gate.close();
  expect(reachable()).toEqual([false, false]);
  await rig.unbind();
  await gate.remove();
});

needsLab('two gates on one machine leave each other alone', async () => {
  const [one, two] = [await rig.open(), await rig.open({ table: 'fairlead-two' })];
  const [v4, v6] = rig.vips();
  if (v4 === undefined || v6 === undefined) throw new Error('there are two VIPs');
  await one.arm([v4]);
  await two.arm([v6]);
  await rig.bind();
  rig.deadlineIn(60_000);
  await one.acquire();
  expect(reachable()).toEqual([true, false]);
  await two.acquire();
  await one.close();
  expect(reachable()).toEqual([false, true]);
  await one.remove();
  expect(two.isOpen).toBe(true);
  await rig.unbind();
  await two.remove();
});

needsLab('the tables say what they are, in words that nft understands', async () => {
  const gate = await rig.open();
  await gate.arm(rig.vips());
  const said = sh('nft list ruleset');
  expect(said).toContain('comment "fairlead: ');
  expect(said).toContain(`elements = { ${VIP4} }`);
  expect(said).toContain('ip daddr @vips4 fib daddr type local counter');
  expect(said).toContain(`oifname . arp saddr ip @homes accept`);
  await gate.remove();
});
