import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { vipAddress } from '../../src/demo/network.ts';
import { playOpening } from '../../src/demo/play.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { addressesOf, onStage, run } from './lab.ts';
import { needsLab } from './namespaces.ts';
import { startTcpdump } from './tcpdump.ts';

// One node that holds its VIPs for ever, and what others do to them. It learns of it by netlink.

const VIP = vipAddress('ipv4');
const VIP6 = vipAddress('ipv6');

const ALONE = {
  nodes: 1,
  families: ['ipv4', 'ipv6'],
  settings: {
    vips: [
      { address: VIP, interface: 'eth0' },
      { address: VIP6, interface: 'eth0' },
    ],
    extra: ['singleNode: true'],
  },
} as const;

/** Three times the goals: 100 ms, and 1 s for a link that was made again. */
const SOON_MS = 300;
const LINK_SOON_MS = 3000;

/** When `address` came to the node for the last time after `since`. */
function arrivalAfter(stage: Stage, address: string, since: number): number | undefined {
  return stage.changes.findLast(
    (change) => change.address === address && !change.removed && change.at > since,
  )?.at;
}

/** Milliseconds from `since` until both VIPs had arrived again; fails after `limitMs`. */
async function untilRepaired(stage: Stage, since: number, limitMs: number): Promise<number> {
  const arrivals = (): readonly (number | undefined)[] =>
    [VIP, VIP6].map((address) => arrivalAfter(stage, address, since));
  await stage.until(() => arrivals().every((at) => at !== undefined), limitMs);
  return Math.max(...arrivals().map((at) => (at ?? Infinity) - since));
}

async function start(stage: Stage) {
  expect(await playOpening(stage, () => {})).toBe(true);
  const [node] = stage.network.nodes;
  if (node === undefined) throw new Error('the stage has a node');
  await expect.poll(() => addressesOf(node)).toEqual(expect.arrayContaining([VIP, VIP6]));
  return node;
}

needsLab('addresses that were deleted by hand are back at once', async () => {
  await onStage(ALONE, async (stage) => {
    const node = await start(stage);
    const wire = await startTcpdump(stage);
    await sleep(1100);
    for (const [address, length] of [
      [VIP, 32],
      [VIP6, 128],
    ] as const) {
      await run(node, 'ip', 'address', 'del', `${address}/${length}`, 'dev', 'eth0');
      const gone = stage.changes.findLast((change) => change.address === address && change.removed);
      const since = gone?.at ?? stage.now();
      await stage.until(() => arrivalAfter(stage, address, since - 1) !== undefined, 1000);
      expect((arrivalAfter(stage, address, since - 1) ?? Infinity) - since).toBeLessThan(SOON_MS);
    }
    await sleep(200);
    await wire.stop();
    expect(wire.announcements(VIP).length).toBeGreaterThanOrEqual(2);
  });
});

needsLab('a link that went down and came back has its VIPs at once', async () => {
  await onStage(ALONE, async (stage) => {
    const node = await start(stage);
    // An IPv4 address outlives the fall of its link, an IPv6 address does not (addrconf_ifdown).
    await run(node, 'ip', 'link', 'set', 'eth0', 'down');
    await sleep(500);
    const wire = await startTcpdump(stage);
    const back = Date.now();
    await run(node, 'ip', 'link', 'set', 'eth0', 'up');
    await sleep(SOON_MS);
    expect(await addressesOf(node)).toEqual(expect.arrayContaining([VIP, VIP6]));
    await sleep(500);
    await wire.stop();
    const announcedAt = wire.announcements(VIP)[0]?.at ?? Infinity;
    expect(announcedAt - back).toBeLessThan(SOON_MS);
    await run(stage.network.client, 'ping', '-c1', '-W3', VIP);
  });
});

needsLab('a link that was deleted and made again has its VIPs soon', async () => {
  await onStage(ALONE, async (stage) => {
    const node = await start(stage);
    await run(node, 'ip', 'link', 'del', 'eth0');
    await sleep(500);
    const since = stage.now();
    await stage.network.replug(node);
    expect(await untilRepaired(stage, since, 5000)).toBeLessThan(LINK_SOON_MS);
    await stage.network.addAddresses(node);
    await run(stage.network.client, 'ping', '-c1', '-W3', VIP);
  });
});
