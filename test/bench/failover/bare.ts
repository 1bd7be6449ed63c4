import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadBinding, nativeExecutable } from '../../../src/dataplane/binding.ts';
import { exitOf } from '../../../src/demo/child-exit.ts';
import { holdingsOf } from '../../../src/demo/holding.ts';
import { untilReady } from '../../../src/demo/namespace.ts';
import { createNetwork, vipAddress } from '../../../src/demo/network.ts';
import { compile } from '../../lab/compile.ts';
import type { Contender } from './contender.ts';
import { startReferees } from './referees.ts';

const VIP = vipAddress();
const PORT = '7000';
const WHOLE_LIMIT_MS = 5000;
const POLL_INTERVAL_MS = 5;

/**
 * Three nodes that hand a VIP on by the least that a kernel can be asked for: no handoff on this
 * machine, in these minutes, is shorter but by luck. Its promises are not ours: it makes none.
 */
export async function createBare(): Promise<Contender> {
  const parts = ['native/base', 'native/netlink', 'native/packet'];
  const program = compile('test/bench/failover/bare_node.cc', ['-fno-exceptions'], parts);
  const ends: (() => void)[] = [];
  const netns = nativeExecutable('fairlead-netns');
  const network = await createNetwork(loadBinding(), netns, { nodes: 3 });
  for (const station of [...network.nodes, network.client]) await network.addAddresses(station);
  const referees = await startReferees(network, VIP, (end) => ends.push(end));
  const children = new Map<string, ChildProcess>();
  const untilWhole = async (): Promise<boolean> => {
    for (let waitedMs = 0; waitedMs < WHOLE_LIMIT_MS; waitedMs += POLL_INTERVAL_MS) {
      const holders = holdingsOf(referees.holding()).filter(({ until }) => until === undefined);
      if (holders.length === 1) return true;
      await sleep(POLL_INTERVAL_MS);
    }
    return false;
  };
  return {
    name: 'the kernel alone',
    faults: ['handoff'],
    referees,
    start: async () => {
      for (const [place, node] of network.nodes.entries()) {
        const next = network.nodes[(place + 1) % network.nodes.length]?.addresses[0]?.address ?? '';
        const first = place === 0 ? ['first'] : [];
        const child = node.spawn(
          [program, 'eth0', VIP, PORT, next, ...first],
          ['pipe', 'pipe', 'inherit'],
        );
        await untilReady(child, `start ${program}`);
        children.set(node.name, child);
      }
      if (!(await untilWhole())) throw new Error('no node took the VIP');
    },
    strike: async (_fault, node) => {
      children.get(node)?.kill('SIGUSR1');
    },
    heal: async () => {},
    untilWhole,
    accidents: () => [],
    state: async () => JSON.stringify(holdingsOf(referees.holding()).slice(-3)),
    close: async () => {
      for (const end of ends) end();
      for (const child of children.values()) {
        child.stdin?.end();
        await exitOf(child);
      }
      await network.close();
    },
  };
}
