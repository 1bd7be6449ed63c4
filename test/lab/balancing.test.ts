import { expect } from 'vitest';
import { vipAddress } from '../../src/demo/network.ts';
import { playOpening } from '../../src/demo/play.ts';
import { BACKEND_PORT, BALANCER_PORT } from '../../src/demo/stage.ts';
import { addressesOf, listeningOn, onStage, run } from './lab.ts';
import { needsLab } from './namespaces.ts';

const VIP = vipAddress('ipv4');
const VIP6 = vipAddress('ipv6');

needsLab('bindToVip: true listens at the holder only; false on every node', async () => {
  const backends = [{ address: '192.0.2.21', port: BACKEND_PORT }];
  const settings = {
    balancers: [
      { name: 'at the VIP', port: 80, bindToVip: true, backends },
      { name: 'everywhere', port: 81, bindToVip: false, backends },
    ],
  };
  await onStage({ nodes: 3, settings }, async (stage) => {
    expect(await playOpening(stage, () => {})).toBe(true);
    for (const node of stage.network.nodes) {
      const listening = await listeningOn(node);
      const expected = node.name === stage.holder ? ['*:81', `${VIP}:80`] : ['*:81'];
      expect(listening, node.name).toEqual(expected);
    }
    const before = stage.station(stage.holder ?? '');
    await stage.handoff(before.name);
    await stage.until(() => stage.holder !== undefined && stage.holder !== before.name, 2000);
    const after = stage.station(stage.holder ?? '');
    expect(await listeningOn(before)).not.toContain(`${VIP}:80`);
    await expect.poll(() => listeningOn(after)).toContain(`${VIP}:80`);
  });
});

needsLab('a client of the VIP reaches every backend in turn', async () => {
  await onStage({ nodes: 3 }, async (stage) => {
    const { history } = stage;
    await stage.startAudience();
    expect(await playOpening(stage, () => {})).toBe(true);
    const from = stage.now();
    await stage.until(() => history.requests.filter((r) => r.startedAt > from).length >= 60, 4000);
    const requests = history.requests.filter(({ startedAt }) => startedAt > from);
    expect(requests.filter(({ failure }) => failure !== undefined)).toEqual([]);
    const counts = ['backend-1', 'backend-2', 'backend-3'].map(
      (name) => requests.filter(({ backend }) => backend === name).length,
    );
    const share = requests.length / counts.length;
    for (const count of counts) expect(Math.abs(count - share)).toBeLessThanOrEqual(2);
    const status = await stage.status(stage.holder ?? '');
    expect(status.listeners[0]?.connections.total).toBeGreaterThanOrEqual(requests.length);
  });
});

needsLab('an IPv6 VIP is elected, bound, balanced and handed over', async () => {
  const settings = { vips: [{ address: VIP6, interface: 'eth0' }] };
  await onStage({ nodes: 3, families: ['ipv6'], vip: VIP6, settings }, async (stage) => {
    await stage.startAudience();
    expect(await playOpening(stage, () => {})).toBe(true);
    await stage.until(() => stage.history.requests.some(({ backend }) => backend), 2000);
    const { holder = '' } = stage;
    const at = `[${VIP6}]:${BALANCER_PORT}`;
    expect(await listeningOn(stage.station(holder))).toEqual([at]);
    await stage.handoff(holder);
    const answeredByNext = (): boolean => {
      const last = stage.history.probes.findLast(({ answer }) => answer !== undefined);
      return last?.answer?.node === stage.holder && stage.holder !== holder;
    };
    expect(await stage.until(answeredByNext, 2000)).toBe(true);
  });
});

needsLab('two VIPs on two links have one holder, who loses both', async () => {
  const second = vipAddress('ipv4', 1);
  const settings = {
    vips: [
      { address: VIP, interface: 'eth0' },
      { address: second, interface: '198.51.100.0/24' },
    ],
  };
  await onStage({ nodes: 3, segments: 2, settings }, async (stage) => {
    expect(await playOpening(stage, () => {})).toBe(true);
    const { holder = '' } = stage;
    const seconds = (): readonly string[] =>
      stage.changes
        .filter(({ address, removed }) => address === second && !removed)
        .map(({ network }) => network);
    await stage.until(() => seconds().length > 0, 1000);
    expect([...new Set(seconds())]).toEqual([holder]);
    expect(await addressesOf(stage.station(holder), 'eth1')).toContain(second);
    await run(stage.network.client, 'ping', '-c1', '-W3', second);
    await stage.daemon(holder).end('SIGKILL');
    await stage.until(() => stage.holder !== undefined && stage.holder !== holder, 3000);
    const { holder: next = '' } = stage;
    expect(next).not.toBe(holder);
    await expect.poll(() => addressesOf(stage.station(next), 'eth1')).toContain(second);
    expect(await addressesOf(stage.station(holder), 'eth0')).not.toContain(VIP);
    expect(await addressesOf(stage.station(holder), 'eth1')).not.toContain(second);
  });
});

needsLab('a holder whose kernel refuses a VIP lets another node have both', async () => {
  const settings = {
    vips: [
      { address: VIP, interface: 'eth0' },
      { address: VIP6, interface: 'eth0' },
    ],
  };
  await onStage({ nodes: 3, families: ['ipv4', 'ipv6'], settings }, async (stage) => {
    expect(await playOpening(stage, () => {})).toBe(true);
    const { holder = '' } = stage;
    const off = 'echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6';
    await run(stage.station(holder), 'sh', '-c', off);
    const moved = (): boolean => stage.holder !== undefined && stage.holder !== holder;
    expect(await stage.until(moved, 6000)).toBe(true);
    const next = stage.station(stage.holder ?? '');
    await expect.poll(() => addressesOf(next)).toEqual(expect.arrayContaining([VIP, VIP6]));
  });
});
