import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { vipAddress } from '../../src/demo/network.ts';
import { playOpening } from '../../src/demo/play.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { macOf, neighbourOf, onStage, run } from './lab.ts';
import { needsLab } from './namespaces.ts';
import { startTcpdump } from './tcpdump.ts';

const VIP = vipAddress('ipv4');
const VIP6 = vipAddress('ipv6');

/** Has the leader hand over, and resolves with the next one, when it has the VIP. */
async function handOver(
  stage: Stage,
): Promise<{ readonly before: string; readonly after: string }> {
  const before = stage.holder ?? '';
  const result = await stage.handoff(before);
  expect(result.kind).toBe('done');
  await stage.until(() => stage.holder !== undefined && stage.holder !== before, 2000);
  return { before, after: stage.holder ?? '' };
}

/** Makes the client know the VIP's MAC address, as one that talks to it does. */
async function talkTo(stage: Stage, vip: string): Promise<void> {
  await run(stage.network.client, 'ping', '-c1', '-W3', vip);
}

needsLab('gratuitousARP: true tells the segment at once, in both forms', async () => {
  await onStage({ nodes: 3 }, async (stage) => {
    expect(await playOpening(stage, () => {})).toBe(true);
    await talkTo(stage, VIP);
    const wire = await startTcpdump(stage);
    const { before, after } = await handOver(stage);
    await sleep(100);
    const [oldMac, newMac] = [
      await macOf(stage.station(before)),
      await macOf(stage.station(after)),
    ];
    expect(newMac).not.toBe(oldMac);
    expect(await neighbourOf(stage.network.client, VIP)).toBe(newMac);
    await sleep(2200);
    await wire.stop();
    const seen = wire.announcements(VIP).filter(({ mac }) => mac === newMac);
    const first = seen[0]?.at ?? 0;
    for (const form of ['arp-request', 'arp-reply'] as const) {
      const times = seen.filter((frame) => frame.form === form).map(({ at }) => at - first);
      // Due at 0, 100 ms, 1 s and 2 s.
      expect(times.length, `${form} at ${times.join(', ')}`).toBeGreaterThanOrEqual(4);
      expect(times[0]).toBeLessThan(80);
      expect(times[1]).toBeGreaterThan(80);
      expect(times[1]).toBeLessThan(300);
      expect(times[2]).toBeGreaterThan(900);
      expect(times[2]).toBeLessThan(1300);
    }
  });
});

needsLab('gratuitousARP: false tells nobody, and who asks is answered', async () => {
  await onStage({ nodes: 3, settings: { gratuitousArp: false } }, async (stage) => {
    expect(await playOpening(stage, () => {})).toBe(true);
    await talkTo(stage, VIP);
    const wire = await startTcpdump(stage);
    const { before, after } = await handOver(stage);
    await sleep(1500);
    expect(await neighbourOf(stage.network.client, VIP)).toBe(await macOf(stage.station(before)));
    await run(stage.network.client, 'ip', 'neigh', 'flush', 'to', VIP);
    await talkTo(stage, VIP);
    expect(await neighbourOf(stage.network.client, VIP)).toBe(await macOf(stage.station(after)));
    await wire.stop();
    expect(wire.announcements(VIP)).toEqual([]);
  });
});

needsLab('an IPv6 VIP is announced by unsolicited advertisements', async () => {
  const settings = { vips: [{ address: VIP6, interface: 'eth0' }] };
  await onStage({ nodes: 3, families: ['ipv6'], vip: VIP6, settings }, async (stage) => {
    expect(await playOpening(stage, () => {})).toBe(true);
    await talkTo(stage, VIP6);
    const wire = await startTcpdump(stage);
    const { after } = await handOver(stage);
    await sleep(300);
    const mac = await macOf(stage.station(after));
    expect(await neighbourOf(stage.network.client, VIP6)).toBe(mac);
    await talkTo(stage, VIP6);
    await wire.stop();
    const seen = wire.announcements(VIP6).filter((frame) => frame.mac === mac);
    expect(seen.length).toBeGreaterThanOrEqual(2);
    expect(new Set(seen.map(({ form }) => form))).toEqual(new Set(['neighbor-advertisement']));
  });
});
