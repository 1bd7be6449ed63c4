import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { vipAddress } from '../../src/demo/network.ts';
import { playOpening } from '../../src/demo/play.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { openForeignHost } from './foreign-host.ts';
import { addressesOf, macOf, neighbourOf, onStage, run } from './lab.ts';
import { needsLab } from './namespaces.ts';
import { startTcpdump } from './tcpdump.ts';

// A machine that is none of ours claims the VIP (RFC 5227 §2.4, RFC 4862 §5.4). The client says
// whom the segment believes, tcpdump who said what.

const VIP = vipAddress('ipv4');
const VIP6 = vipAddress('ipv6');

/** One node that holds both VIPs, and announces them seldom once the first burst is over. */
function alone(...extra: readonly string[]) {
  return {
    nodes: 1,
    families: ['ipv4', 'ipv6'],
    settings: {
      vips: [VIP, VIP6].map((address) => ({ address, interface: 'eth0' })),
      extra: ['singleNode: true', 'announceIntervalMs: 60000', ...extra],
    },
  } as const;
}

const BURST_MS = 5200;

async function vipStatus(stage: Stage, vip: string, node = 'node-1') {
  const { vips } = await stage.status(node);
  return vips.find(({ address }) => address === vip);
}

/** Makes the client know the VIP's MAC address, as one that talks to it does. */
async function talkTo(stage: Stage, vip: string): Promise<void> {
  await run(stage.network.client, 'ping', '-c1', '-W3', vip);
}

/** How often the daemons of the stage wrote this line. */
function said(stage: Stage, message: string): number {
  return stage.daemons.reduce((sum, { log }) => sum + log.split(`"${message}"`).length - 1, 0);
}

const CLAIMED = 'another machine claims the VIP';

needsLab('a claim is answered within 50 ms, and a storm of them once in 10 s', async () => {
  await onStage(alone(), async (stage) => {
    expect(await playOpening(stage, () => {})).toBe(true);
    const ours = await macOf(stage.station('node-1'));
    const foreign = await openForeignHost(stage);
    await sleep(BURST_MS);
    for (const vip of [VIP, VIP6]) await talkTo(stage, vip);
    const wire = await startTcpdump(stage);
    for (let i = 0; i < 60; i += 1) {
      for (const vip of [VIP, VIP6]) await foreign.claim(vip);
      await sleep(20);
    }
    await sleep(100);
    for (const vip of [VIP, VIP6]) {
      const status = await vipStatus(stage, vip);
      expect(status).toMatchObject({
        held: true,
        watched: true,
        conflict: { mac: foreign.mac },
        problem: `also claimed by ${foreign.mac}`,
      });
      expect(status?.conflicts).toBeGreaterThanOrEqual(60);
    }
    // Now nobody claims it any more, and what is still to be said is said 10 s after the first.
    await sleep(9500);
    await wire.stop();
    for (const vip of [VIP, VIP6]) {
      const seen = wire.announcements(vip);
      const attack = seen.find(({ mac }) => mac === foreign.mac)?.at ?? Infinity;
      const defences = seen.filter(({ mac, form }) => mac === ours && form !== 'arp-reply');
      expect(defences).toHaveLength(2);
      // Three times the goal, 50 ms.
      expect((defences[0]?.at ?? Infinity) - attack).toBeLessThan(150);
      expect((defences[1]?.at ?? 0) - (defences[0]?.at ?? 0)).toBeGreaterThanOrEqual(9900);
      expect(await neighbourOf(stage.network.client, vip)).toBe(ours);
    }
    expect(said(stage, CLAIMED)).toBe(4);
  });
});

needsLab('yield: what is defended in vain is left, and taken again when it is free', async () => {
  await onStage(alone('conflict: yield'), async (stage) => {
    expect(await playOpening(stage, () => {})).toBe(true);
    const node = stage.station('node-1');
    const foreign = await openForeignHost(stage);
    await foreign.claim(VIP);
    await sleep(300);
    expect(await addressesOf(node)).toContain(VIP);
    const wire = await startTcpdump(stage);
    await foreign.claim(VIP);
    const left = stage.now();
    await stage.until(() => stage.holder === undefined, 2000);
    expect(stage.now() - left).toBeLessThan(300);
    // By status, the last observation, it may be held for a moment longer.
    await expect
      .poll(() => vipStatus(stage, VIP))
      .toMatchObject({
        held: false,
        watched: true,
        problem: `left to ${foreign.mac}, which claims it`,
      });
    // The others stay.
    expect(await addressesOf(node)).toContain(VIP6);
    expect(await stage.until(() => stage.holder === 'node-1', 15_000)).toBe(true);
    expect(stage.now() - left).toBeGreaterThan(9900);
    await sleep(200);
    await wire.stop();
    const probes = wire.probes(VIP).map(({ at }) => at);
    expect(probes).toHaveLength(2);
    expect((probes[1] ?? 0) - (probes[0] ?? 0)).toBeGreaterThan(40);
    expect((await vipStatus(stage, VIP))?.problem).toBeNull();
    expect(said(stage, 'nobody else claims the VIP any more')).toBe(1);
  });
});

/** Gives the foreign machine the VIP for good, as a careless person does. */
async function configureThere(stage: Stage, vip: string, ...more: readonly string[]) {
  const length = vip.includes(':') ? 64 : 24;
  const address = ['address', 'add', `${vip}/${length}`, 'dev', 'eth0'];
  await run(stage.network.backends, 'ip', ...address, ...more);
}

for (const vip of [VIP, VIP6]) {
  needsLab(`a start asks who has ${vip}: an answer is told, and the VIP defended`, async () => {
    await onStage(alone(), async (stage) => {
      await configureThere(stage, vip, ...(vip === VIP6 ? ['nodad'] : []));
      const { mac } = await openForeignHost(stage);
      const wire = await startTcpdump(stage);
      stage.startDaemons();
      const node = stage.station('node-1');
      await expect.poll(() => addressesOf(node), { timeout: 5000 }).toContain(vip);
      await sleep(300);
      await wire.stop();
      expect(wire.probes(vip)[0]?.mac).toBe(await macOf(node));
      expect((await vipStatus(stage, vip))?.conflict).toMatchObject({ mac });
      await talkTo(stage, vip);
    });
  });

  needsLab(`yield: a start leaves ${vip} to the machine that answers`, async () => {
    await onStage(alone('conflict: yield'), async (stage) => {
      await configureThere(stage, vip, ...(vip === VIP6 ? ['nodad'] : []));
      const { mac } = await openForeignHost(stage);
      const wire = await startTcpdump(stage);
      stage.startDaemons();
      const node = stage.station('node-1');
      const other = vip === VIP ? VIP6 : VIP;
      await expect.poll(() => addressesOf(node), { timeout: 5000 }).toContain(other);
      await sleep(500);
      await wire.stop();
      expect(await addressesOf(node)).not.toContain(vip);
      const ours = await macOf(node);
      expect(wire.announcements(vip).filter((frame) => frame.mac === ours)).toEqual([]);
      expect((await vipStatus(stage, vip))?.problem).toBe(`left to ${mac}, which claims it`);
    });
  });
}

needsLab('the first leader asks twice before it claims, a successor never', async () => {
  await onStage({ nodes: 3 }, async (stage) => {
    const wire = await startTcpdump(stage);
    expect(await playOpening(stage, () => {})).toBe(true);
    const first = stage.holder ?? '';
    await stage.daemon(first).end('SIGKILL');
    const moved = await stage.until(() => ![undefined, first].includes(stage.holder), 3000);
    expect(moved).toBe(true);
    await sleep(300);
    await wire.stop();
    const mac = await macOf(stage.station(first));
    expect(wire.probes(VIP).map((probe) => probe.mac)).toEqual([mac, mac]);
    const claimedAt = wire.announcements(VIP)[0]?.at ?? 0;
    expect(wire.probes(VIP).every(({ at }) => at < claimedAt)).toBe(true);
    expect(said(stage, CLAIMED)).toBe(0);
  });
});

needsLab('a VIP that a reload adds is asked for before it is claimed, and no other', async () => {
  const settings = { vips: [{ address: VIP, interface: 'eth0' }], extra: ['singleNode: true'] };
  await onStage({ nodes: 1, families: ['ipv4', 'ipv6'], settings }, async (stage) => {
    expect(await playOpening(stage, () => {})).toBe(true);
    const wire = await startTcpdump(stage);
    const daemon = stage.daemon('node-1');
    const before = readFileSync(daemon.files.config, 'utf8');
    const more = `vips:\n- {address: "${VIP6}", interface: eth0}\n`;
    writeFileSync(daemon.files.config, before.replace('vips:\n', more));
    daemon.signal('SIGHUP');
    const node = stage.station('node-1');
    await expect.poll(() => addressesOf(node), { timeout: 5000 }).toContain(VIP6);
    await sleep(200);
    await wire.stop();
    expect(wire.probes(VIP6)).toHaveLength(2);
    expect(wire.probes(VIP)).toEqual([]);
    expect(stage.history.holding.filter(({ held }) => !held)).toEqual([]);
  });
});

needsLab(
  'IPv6: who comes later with detection gives way, who comes without is defended',
  async () => {
    await onStage(alone(), async (stage) => {
      expect(await playOpening(stage, () => {})).toBe(true);
      await sleep(BURST_MS);
      const { client, backends } = stage.network;
      const ours = await macOf(stage.station('node-1'));
      await configureThere(stage, VIP6);
      const shown = (): Promise<string> =>
        run(backends, 'ip', '-6', 'address', 'show', 'dadfailed');
      await expect.poll(shown, { timeout: 5000 }).toContain(VIP6);
      await run(backends, 'ip', 'address', 'del', `${VIP6}/64`, 'dev', 'eth0');
      await talkTo(stage, VIP6);
      const foreign = await openForeignHost(stage);
      await foreign.claim(VIP6);
      await sleep(100);
      // Our advertisement carries Override, or the client's entry would have stayed.
      expect(await neighbourOf(client, VIP6)).toBe(ours);
      await talkTo(stage, VIP6);
    });
  },
);

needsLab('IPv6: an address whose detection had failed here is no black hole', async () => {
  await onStage(alone(), async (stage) => {
    const node = stage.station('node-1');
    await configureThere(stage, VIP6, 'nodad');
    await run(node, 'ip', 'address', 'add', `${VIP6}/128`, 'dev', 'eth0');
    const failed = (): Promise<string> => run(node, 'ip', '-6', 'address', 'show', 'dadfailed');
    await expect.poll(failed, { timeout: 5000 }).toContain(VIP6);
    stage.startDaemons();
    await expect.poll(failed, { timeout: 5000 }).not.toContain(VIP6);
    await expect.poll(() => addressesOf(node), { timeout: 5000 }).toContain(VIP6);
    expect(await run(node, 'ip', '-6', 'address', 'show', 'tentative')).not.toContain(VIP6);
    await sleep(200);
    await talkTo(stage, VIP6);
    expect(await neighbourOf(stage.network.client, VIP6)).toBe(await macOf(node));
  });
});
