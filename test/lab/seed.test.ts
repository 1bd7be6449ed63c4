import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { startPart } from '../../src/demo/part/spawn.ts';
import type { Request } from '../../src/demo/probes.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { onStage, PROGRAM, run } from './lab.ts';
import { needsLab } from './namespaces.ts';

const documented = readFileSync(new URL('../config/seed.yaml', import.meta.url), 'utf8');
const VIP = '192.168.0.75';
const SERVERS = ['192.168.0.70', '192.168.0.71', '192.168.0.72'] as const;

/**
 * Gives the stage the network that kube-vip 0.1's documentation is about: ens192, 192.168.0.0/24.
 */
async function refurnish(stage: Stage): Promise<void> {
  for (const [index, node] of stage.network.nodes.entries()) {
    await run(node, 'ip', 'link', 'set', 'eth0', 'down');
    await run(node, 'ip', 'link', 'set', 'eth0', 'name', 'ens192');
    await run(node, 'ip', 'link', 'set', 'ens192', 'up');
    await run(node, 'ip', 'address', 'add', `${SERVERS[index]}/24`, 'dev', 'ens192');
  }
  await run(stage.network.client, 'ip', 'address', 'add', '192.168.0.50/24', 'dev', 'eth0');
}

function peer(index: number): string {
  return `{ id: server${index + 1}, address: ${SERVERS[index]}, port: 10000 }`;
}

/**
 * The documented file as server `index + 1` has it; and where this test keeps sockets and state.
 */
function fileOf(index: number, places: string): string {
  const others = [0, 1, 2].filter((other) => other !== index).map((other) => `- ${peer(other)}\n`);
  const text = documented
    .replace(/^localPeer:.*$/m, `localPeer: ${peer(index)}`)
    .replace(/^remotePeers:\n(?: *- .*\n)+/m, `remotePeers:\n${others.join('')}`);
  return `${text}\n${places}`;
}

needsLab("kube-vip 0.1's documented file makes a control plane that survives a kill", async () => {
  await onStage({ nodes: 3, vip: VIP }, async (stage) => {
    await refurnish(stage);
    const { nodes, client } = stage.network;
    for (const [index, daemon] of stage.daemons.entries()) {
      const { config, controlSocket } = daemon.files;
      const places = `controlSocket: ${controlSocket}\ndataDir: ${controlSocket}.d\n`;
      writeFileSync(config, fileOf(index, places));
      const address = SERVERS[index] ?? '';
      const [node] = nodes.slice(index, index + 1);
      if (node === undefined || index === 2) continue;
      const backends = [{ address, name: `apiserver-${index + 1}` }];
      const part = await startPart(node, PROGRAM, { part: 'backends', port: 6444, backends });
      stage.atClose(() => part.stop());
    }
    stage.startDaemons();
    expect(await stage.until(() => stage.holder !== undefined, 10_000)).toBe(true);

    const requests: Request[] = [];
    const intervals = { probeIntervalMs: 1000, requestIntervalMs: 50 };
    const asking = {
      part: 'client',
      vip: VIP,
      probePort: 9,
      requestPort: 6443,
      ...intervals,
    } as const;
    const asker = await startPart(client, PROGRAM, asking, (message) => {
      if (message.kind === 'client-report') requests.push(...message.requests);
    });
    stage.atClose(() => asker.stop());
    const answered = (): boolean =>
      ['apiserver-1', 'apiserver-2'].every((name) => requests.some((r) => r.backend === name));
    expect(await stage.until(answered, 3000)).toBe(true);

    const { holder = '' } = stage;
    await stage.daemon(holder).end('SIGKILL');
    expect(await stage.until(() => ![undefined, holder].includes(stage.holder), 5000)).toBe(true);
    const { length } = requests;
    const more = (): boolean => requests.slice(length).some(({ backend }) => backend !== undefined);
    expect(await stage.until(more, 3000)).toBe(true);
  });
});
