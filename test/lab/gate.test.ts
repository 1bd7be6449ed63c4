import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { vipAddress } from '../../src/demo/network.ts';
import { playOpening } from '../../src/demo/play.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { guardOf } from './blows.ts';
import { addressesOf, macOf, onStage, run } from './lab.ts';
import { needsLab } from './namespaces.ts';

// What the gate is to the daemon. What it does to packets is seen in test/native/gate.test.ts.

const VIP = vipAddress('ipv4');

/** What nft(8) shows of our tables at a node. */
async function rulesOf(stage: Stage, node: string): Promise<string> {
  return await run(stage.station(node), 'nft', 'list', 'ruleset');
}

async function open(stage: Stage): Promise<string> {
  expect(await playOpening(stage, () => {})).toBe(true);
  return stage.holder ?? '';
}

/** The actions of a node, as it logged them. */
function actionsOf(stage: Stage, node: string): readonly string[] {
  return [...stage.daemon(node).log.matchAll(/"action":"([a-z-]+)"/g)].map(
    ([, name]) => name ?? '',
  );
}

needsLab(
  'the gate stands on every node before anybody leads, is open at one, and goes',
  async () => {
    await onStage({ nodes: 3 }, async (stage) => {
      const holder = await open(stage);
      for (const { node } of stage.daemons) {
        expect(await rulesOf(stage, node)).toContain(VIP);
        const { fences } = await stage.status(node);
        expect([fences.gate, fences.gateProblem]).toEqual(['nftables', null]);
        expect(fences.gateState).toMatchObject({ open: node === holder, armed: 1, rebuilt: 0 });
      }
      await stage.daemon(holder).end('SIGTERM');
      expect(await rulesOf(stage, holder)).not.toContain('fairlead');
      const actions = actionsOf(stage, holder);
      const arrived = ['guard-addresses', 'arm-gate', 'open-gate', 'add-addresses'];
      expect(actions.filter((action) => arrived.includes(action))).toEqual([
        ...arrived,
        arrived[0],
      ]);
      expect(actions.slice(actions.indexOf('close-listeners'))).toEqual([
        'close-listeners',
        'close-gate',
        'delete-addresses',
        'guard-addresses',
      ]);
    });
  },
);

needsLab('a ruleset that is flushed takes no leader and leaves the gate', async () => {
  await onStage({ nodes: 3 }, async (stage) => {
    const holder = await open(stage);
    const before = (await stage.status(holder)).election;
    for (let round = 0; round < 3; round += 1) {
      await run(stage.station(holder), 'nft', 'flush', 'ruleset');
      await sleep(150); // Three times what it may take.
      expect(await rulesOf(stage, holder)).toContain(VIP);
      const { fences } = await stage.status(holder);
      expect(fences.gateState).toMatchObject({ open: true, armed: 1 });
      if (fences.gateState?.owned !== true)
        expect(fences.gateState?.rebuilt).toBeGreaterThan(round);
    }
    expect((await stage.status(holder)).election.term).toBe(before.term);
    await run(stage.network.client, 'ping', '-c1', '-W3', VIP);
  });
});

needsLab('of a node whose daemon and guard are both stopped, nothing is heard', async () => {
  await onStage({ nodes: 3 }, async (stage) => {
    const holder = await open(stage);
    const daemon = stage.daemon(holder);
    const guard = guardOf(daemon.pid);
    process.kill(guard, 'SIGSTOP');
    daemon.signal('SIGSTOP');
    const stoppedAt = stage.now();
    const successor = (): string | undefined =>
      stage.history.holding.find(({ held, node, at }) => held && node !== holder && at > stoppedAt)
        ?.node;
    await stage.until(() => successor() !== undefined, 3000);
    const heard = await run(stage.network.client, 'arping', '-b', '-c1', '-w2', '-Ieth0', VIP);
    // Still bound: it was the gate that kept it silent.
    expect(await addressesOf(stage.station(holder))).toContain(VIP);
    expect(heard.toLowerCase()).toContain(await macOf(stage.station(successor() ?? '')));
    expect(heard.toLowerCase()).not.toContain(await macOf(stage.station(holder)));
    process.kill(guard, 'SIGCONT');
    daemon.signal('SIGCONT');
    expect(await stage.untilWhole(5000)).toBe(true);
  });
});
