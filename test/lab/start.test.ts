import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { loadBinding } from '../../src/dataplane/binding.ts';
import { DaemonProcess } from '../../src/demo/daemon-process.ts';
import { vipAddress } from '../../src/demo/network.ts';
import { playOpening } from '../../src/demo/play.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { strike } from './blows.ts';
import { startIpMonitor } from './ip-monitor.ts';
import { addressesOf, listeningOn, onStage, PROGRAM, run } from './lab.ts';
import { needsLab } from './namespaces.ts';
import { startTcpdump } from './tcpdump.ts';

const VIP = vipAddress('ipv4');

/**
 * Binds the VIP at `node` with fairlead's tag, as a daemon does that was then killed with its
 * guard.
 */
async function leaveTagged(stage: Stage, node: string): Promise<void> {
  const binding = loadBinding();
  const kernel = binding.openKernel({ netns: stage.station(node).path });
  const link = (await binding.listLinks(kernel)).find(({ name }) => name === 'eth0')?.index ?? 0;
  const request = { link, address: VIP, prefixLength: 32, validSeconds: -1 };
  expect(await binding.addAddresses(kernel, [request], { notAfterMs: Infinity })).toEqual([null]);
  binding.closeKernel(kernel);
}

/** Milliseconds from the daemons' start to the first departure of the VIP from `node`. */
async function untilSwept(stage: Stage, node: string): Promise<number> {
  const started = stage.now();
  stage.startDaemons();
  const swept = (): number | undefined =>
    stage.history.holding.find((change) => change.node === node && !change.held)?.at;
  await stage.until(() => swept() !== undefined, 3000);
  return (swept() ?? Infinity) - started;
}

needsLab('a VIP that an earlier life left behind is swept before the election', async () => {
  await onStage({ nodes: 3 }, async (stage) => {
    await leaveTagged(stage, 'node-2');
    await untilSwept(stage, 'node-2');
    expect(await stage.untilWhole(5000)).toBe(true);
    const [left, swept, elected] = stage.history.holding;
    expect([left?.node, left?.held, swept?.node, swept?.held]).toEqual([
      'node-2',
      true,
      'node-2',
      false,
    ]);
    expect(elected?.held).toBe(true);
  });
});

needsLab('a VIP that somebody else bound is removed, and said so', async () => {
  await onStage({ nodes: 3 }, async (stage) => {
    await run(stage.station('node-2'), 'ip', 'address', 'add', `${VIP}/32`, 'dev', 'eth0');
    await untilSwept(stage, 'node-2');
    expect(await stage.untilWhole(5000)).toBe(true);
    expect(stage.daemon('node-2').log).toMatch(/something else/);
  });
});

needsLab('foreignAddress: refuse leaves it alone', async () => {
  const settings = { extra: ['foreignAddress: refuse'] };
  await onStage({ nodes: 3, settings }, async (stage) => {
    await run(stage.station('node-2'), 'ip', 'address', 'add', `${VIP}/32`, 'dev', 'eth0');
    stage.startDaemons();
    await sleep(2500);
    expect(await addressesOf(stage.station('node-2'))).toContain(VIP);
    expect(stage.daemon('node-2').log).toMatch(/something else/);
  });
});

needsLab('a second instance on one node is refused by the lock', async () => {
  await onStage({ nodes: 1, settings: { extra: ['singleNode: true'] } }, async (stage) => {
    expect(await playOpening(stage, () => {})).toBe(true);
    const first = stage.daemon('node-1');
    const files = { ...first.files, log: `${first.files.log}.second` };
    const second = new DaemonProcess(stage.station('node-1'), PROGRAM, files, () => {});
    second.start();
    expect((await second.ended()).code).toBe(1);
    expect(second.log).toContain('another process is running it');
    expect(await addressesOf(stage.station('node-1'))).toContain(VIP);
  });
});

needsLab(
  'after daemon and guard were killed, a start sweeps before the first election',
  async () => {
    await onStage({ nodes: 3 }, async (stage) => {
      const monitor = await startIpMonitor(stage);
      expect(await playOpening(stage, () => {})).toBe(true);
      const { holder: node = '' } = stage;
      const daemon = stage.daemon(node);
      await expect.poll(() => listeningOn(stage.station(node))).toContain(`${VIP}:80`);
      await strike(stage, node, 'kill-both');
      expect(await addressesOf(stage.station(node))).toContain(VIP);
      expect(await listeningOn(stage.station(node))).toEqual([]);
      const saidBefore = daemon.log.length;
      daemon.start();
      expect(await stage.untilWhole(5000)).toBe(true);
      const said = daemon.log.slice(saidBefore);
      const electionAt = /"time":"([^"]+)"[^\n]*"reason":"started"/.exec(said)?.[1] ?? '';
      const changes = monitor.holding(VIP).filter((change) => change.node === node);
      const sweptAt = changes.find(({ held }) => !held)?.at ?? Infinity;
      expect(Math.floor(sweptAt)).toBeLessThanOrEqual(new Date(electionAt).getTime());
    });
  },
);

needsLab('SIGTERM leaves nothing behind', async () => {
  await onStage({ nodes: 1, settings: { extra: ['singleNode: true'] } }, async (stage) => {
    expect(await playOpening(stage, () => {})).toBe(true);
    const node = stage.station('node-1');
    const daemon = stage.daemon('node-1');
    await expect.poll(() => listeningOn(node)).toContain(`${VIP}:80`);
    expect(await processesOf(stage)).toHaveLength(2);
    expect(await daemon.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(await addressesOf(node)).not.toContain(VIP);
    expect(await listeningOn(node)).toEqual([]);
    expect(existsSync(daemon.files.controlSocket)).toBe(false);
    expect(await run(node, 'ss', '-H', '-lx', 'src', '@fairlead*')).toBe('');
    expect(await processesOf(stage)).toEqual([]);
  });
});

/** The processes of fairlead that live in node-1's network. */
async function processesOf(stage: Stage): Promise<readonly string[]> {
  const script = `for p in /proc/[0-9]*; do
    [ "$(readlink $p/ns/net)" = "$(readlink /proc/self/ns/net)" ] || continue
    case "$(readlink $p/exe)" in */fairlead-guard | */node) echo $p;; esac
  done`;
  return (await run(stage.station('node-1'), 'sh', '-c', script)).split('\n').filter(Boolean);
}

needsLab('SIGHUP takes a good file, and keeps the last good one instead of a bad', async () => {
  await onStage({ nodes: 1, settings: { extra: ['singleNode: true'] } }, async (stage) => {
    expect(await playOpening(stage, () => {})).toBe(true);
    const node = stage.station('node-1');
    const daemon = stage.daemon('node-1');
    await expect.poll(() => listeningOn(node)).toContain(`${VIP}:80`);
    const good = readFileSync(daemon.files.config, 'utf8');
    writeFileSync(daemon.files.config, good.replace('port: 80\n', 'port: 8888\n'));
    daemon.signal('SIGHUP');
    await expect.poll(() => listeningOn(node)).toEqual([`${VIP}:8888`]);
    writeFileSync(daemon.files.config, 'vip: not an address\nnonsense: 1\n');
    daemon.signal('SIGHUP');
    await expect
      .poll(async () => (await stage.status('node-1')).warnings.length)
      .toBeGreaterThan(0);
    expect(await listeningOn(node)).toEqual([`${VIP}:8888`]);
    expect(await addressesOf(node)).toContain(VIP);
  });
});

needsLab('a single node announces soon after its start, and is small when idle', async () => {
  await onStage({ nodes: 1, settings: { extra: ['singleNode: true'] } }, async (stage) => {
    const wire = await startTcpdump(stage);
    const started = Date.now();
    expect(await playOpening(stage, () => {})).toBe(true);
    await sleep(2000);
    await wire.stop();
    const firstMs = (wire.announcements(VIP)[0]?.at ?? Infinity) - started;
    const status = readFileSync(`/proc/${stage.daemon('node-1').pid}/status`, 'utf8');
    const residentMiB = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
    console.log(
      `first announcement ${firstMs.toFixed(0)} ms, resident ${residentMiB.toFixed(1)} MiB`,
    );
    // The goals are 400 ms and 60 MB. Time has room for a machine that does other things too.
    expect(firstMs).toBeLessThan(1200);
    expect(residentMiB).toBeLessThan(60);
  });
});
