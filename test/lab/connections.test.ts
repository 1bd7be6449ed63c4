import { expect } from 'vitest';
import { vipAddress } from '../../src/demo/network.ts';
import { playOpening } from '../../src/demo/play.ts';
import { BACKEND_PORT } from '../../src/demo/stage.ts';
import { onStage, run } from './lab.ts';
import { needsNamespaces } from './namespaces.ts';

const VIP6 = vipAddress('ipv6');
const PORTS = [80, 81] as const;
const backends = [{ address: '192.0.2.21', port: BACKEND_PORT }];
const settings = {
  vips: [{ address: VIP6, interface: 'eth0' }],
  balancers: [
    { name: 'at the VIP', port: PORTS[0], bindToVip: true, backends },
    { name: 'everywhere', port: PORTS[1], bindToVip: false, backends },
  ],
};

/** Connects to the VIP at each port, and says nothing until it is killed. */
const QUIET_CLIENT = `for (const port of [${PORTS.join()}])
  require('node:net').connect(port, '${VIP6}').on('error', () => {}).resume()`;

needsNamespaces('a holder that was frozen ends what it had accepted on the VIP', async () => {
  await onStage({ nodes: 3, families: ['ipv4', 'ipv6'], vip: VIP6, settings }, async (stage) => {
    await stage.startAudience();
    expect(await playOpening(stage, () => {})).toBe(true);
    const { holder = '' } = stage;
    const established = async (): Promise<readonly string[]> => {
      const filter = ['state', 'established', 'src', `[${VIP6}]`];
      const shown = await run(stage.station(holder), 'ss', '-Htn', ...filter);
      return [...shown.matchAll(/\]:(8[01])\s/g)].map((match) => match[1] ?? '');
    };
    const command = [process.execPath, '-e', QUIET_CLIENT];
    const client = stage.network.client.spawn(command, 'ignore');
    await expect.poll(async () => (await established()).includes('81')).toBe(true);
    stage.daemon(holder).signal('SIGSTOP');
    const taken = (): boolean => stage.holder !== undefined && stage.holder !== holder;
    expect(await stage.until(taken, 3000)).toBe(true);
    stage.daemon(holder).signal('SIGCONT');
    await expect.poll(established, { timeout: 500 }).toEqual([]);
    client.kill('SIGKILL');
  });
});
