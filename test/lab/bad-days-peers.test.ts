import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { DaemonProcess } from '../../src/demo/daemon-process.ts';
import { untilReady } from '../../src/demo/namespace.ts';
import { playOpening } from '../../src/demo/play.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { compile } from './compile.ts';
import { onStage, PROGRAM } from './lab.ts';
import { needsLab } from './namespaces.ts';
import { shareHeld, startReferees, termOf } from './referees.ts';

// Peers that are not who they should be, or who say what was said before.

/** Fails unless nothing moved while `act` was done, nor shortly after. */
async function expectCalm(stage: Stage, act: () => Promise<void>): Promise<void> {
  const [term, from] = [await termOf(stage), stage.now()];
  await act();
  await sleep(500);
  expect(shareHeld(stage, { from, until: stage.now() })).toBe(1);
  expect(await termOf(stage)).toBe(term);
}

/** What `node` says is wrong with its peer `id`. */
async function problemOf(stage: Stage, node: string, id: string): Promise<string | null> {
  const { election } = await stage.status(node);
  return election.peers.find((peer) => peer.id === id)?.problem ?? null;
}

/** A daemon in the client's network with the configuration of `node`, but for the address. */
function copyOf(stage: Stage, node: string): DaemonProcess {
  const { files } = stage.daemon(node);
  const { client } = stage.network;
  const home = path.join(path.dirname(files.config), 'copy');
  mkdirSync(path.join(home, 'data'), { recursive: true });
  const text = readFileSync(files.config, 'utf8')
    .replaceAll(path.dirname(files.config), home)
    .replace(/^(localPeer: .*address: )"[^"]*"/m, `$1"${client.addresses[0]?.address}"`);
  const config = path.join(home, 'fairlead.yaml');
  writeFileSync(config, text);
  const own = { config, controlSocket: path.join(home, 'fairlead.sock') };
  return new DaemonProcess(client, PROGRAM, { ...own, log: path.join(home, 'log') }, () => {});
}

describe('two machines have one id', () => {
  for (const [who, isLeader] of [
    ['the leader', true],
    ['a follower', false],
  ] as const) {
    needsLab(`that of ${who}: the newcomer gets nothing, and its peers say so`, async () => {
      await onStage({ nodes: 3 }, async (stage) => {
        const referees = await startReferees(stage);
        expect(await playOpening(stage, () => {})).toBe(true);
        const { holder = '' } = stage;
        const others = stage.daemons.map(({ node }) => node).filter((node) => node !== holder);
        const [copied = '', witness = ''] = isLeader ? [holder, others[0]] : [others[0], holder];
        const copy = copyOf(stage, copied);
        await expectCalm(stage, async () => {
          copy.start();
          await expect
            .poll(() => problemOf(stage, witness, copied), { timeout: 6000 })
            .toMatch(/two processes run under its id/);
        });
        await copy.end('SIGKILL');
        expect(await stage.untilWhole(10_000)).toBe(true);
        expect(stage.holder).toBe(holder);
        referees.judge();
      });
    });
  }
});

/** Gives each node a key file of its own, all alike, before the daemons start. */
function separateKeys(stage: Stage): ReadonlyMap<string, string> {
  return new Map(
    stage.daemons.map(({ node, files }) => {
      const text = readFileSync(files.config, 'utf8');
      const shared = /^peerKeyFile: (.*)$/m.exec(text)?.[1] ?? '';
      const own = path.join(path.dirname(files.config), 'peer.key');
      writeFileSync(own, readFileSync(shared), { mode: 0o600 });
      writeFileSync(files.config, text.replace(shared, own));
      return [node, own];
    }),
  );
}

describe('the key is changed, and one node is forgotten', () => {
  for (const [who, isLeader] of [
    ['the leader', true],
    ['a follower', false],
  ] as const) {
    needsLab(`${who}: the others have a leader, and say why they do not hear it`, async () => {
      await onStage({ nodes: 3 }, async (stage) => {
        const referees = await startReferees(stage);
        const keys = separateKeys(stage);
        expect(await playOpening(stage, () => {})).toBe(true);
        const { holder = '' } = stage;
        const [follower = ''] = stage.daemons
          .map(({ node }) => node)
          .filter((node) => node !== holder);
        const forgotten = isLeader ? holder : follower;
        const key = `2 ${randomBytes(32).toString('base64')}\n`;
        const change = (node: string): void => {
          writeFileSync(keys.get(node) ?? '', key);
          stage.daemon(node).signal('SIGHUP');
        };
        for (const { node } of stage.daemons) if (node !== forgotten) change(node);
        const led = (): boolean => stage.holder !== undefined && stage.holder !== forgotten;
        // Between two reloads nobody may have a majority: an election, and room for a busy machine.
        expect(await stage.until(led, 3000)).toBe(true);
        const { holder: leader = '' } = stage;
        await expect
          .poll(() => problemOf(stage, leader, forgotten), { timeout: 6000 })
          .toMatch(/compare the key files/);
        await sleep(2000);
        expect(stage.holder).toBe(leader);
        change(forgotten);
        expect(await stage.untilWhole(10_000)).toBe(true);
        referees.judge();
      });
    });
  }
});

/** Records all that peers say from now on; each call of what is returned says it all once more. */
async function startRecording(stage: Stage): Promise<() => Promise<number>> {
  const command = [compile('test/native/replayer.cc'), '10000'];
  const child = stage.network.middle.spawn(command, ['pipe', 'pipe', 'inherit']);
  stage.atClose(() => void child.kill('SIGKILL'));
  await untilReady(child, 'record what peers say');
  return async () => {
    const sent = new Promise<number>((resolve) =>
      child.stdout?.once('data', (chunk: Buffer) => resolve(Number(chunk.toString()))),
    );
    child.stdin?.write('again\n');
    return await sent;
  };
}

needsLab('all that was ever said is said again: nobody believes it, now or later', async () => {
  await onStage({ nodes: 3 }, async (stage) => {
    const referees = await startReferees(stage);
    const replay = await startRecording(stage);
    expect(await playOpening(stage, () => {})).toBe(true);
    await sleep(1000);
    const { holder: first = '' } = stage;
    expect((await stage.handoff(first)).kind).toBe('done');
    expect(await stage.untilWhole(10_000)).toBe(true);
    // What a guard says for a daemon that is dead may come twice, and must not count twice.
    const { holder: killed = '' } = stage;
    await stage.daemon(killed).end('SIGKILL');
    await stage.until(() => stage.holder !== undefined && stage.holder !== killed, 3000);
    await expectCalm(stage, async () => {
      expect(await replay()).toBeGreaterThan(50);
    });
    stage.daemon(killed).start();
    expect(await stage.untilWhole(10_000)).toBe(true);
    for (const daemon of stage.daemons) await daemon.end('SIGTERM');
    stage.startDaemons();
    // While they abstain, and when they know each other.
    await replay();
    expect(await stage.untilWhole(10_000)).toBe(true);
    await expectCalm(stage, async () => void (await replay()));
    referees.judge();
  });
});
