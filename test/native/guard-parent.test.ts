import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { nativeExecutable } from '../../src/dataplane/binding.ts';
import { inNamespaces } from '../lab/namespaces.ts';
import { bundleDaemon, GuardedDaemon, Witness } from './guard-lab.ts';
import type { DaemonStory } from './guarded-daemon.ts';

const VIPS = ['192.0.2.40', '2001:db8::40'];
/** The promise is 50 ms, and 100 ms without a guard; a busy CI machine gets three times that. */
const SOON_MS = 150;
const GUARD = nativeExecutable('fairlead-guard');
/** Process 1 of a PID namespace, with the /proc that belongs to it. */
const AS_PROCESS_1 = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];

describe.skipIf(!inNamespaces)('the guard as the parent of the daemon', () => {
  let witness: Witness;
  let daemon: GuardedDaemon | undefined;

  beforeAll(bundleDaemon);

  beforeEach(() => {
    witness = new Witness();
  });

  afterEach(async () => {
    await daemon?.end();
    daemon = undefined;
    await witness.close();
  });

  async function play(
    under: readonly string[],
    story: Partial<DaemonStory> = {},
  ): Promise<GuardedDaemon> {
    const resignTo = [await witness.listen('127.0.0.1')];
    const played = { vips: VIPS, resignTo, rightMs: 0, renewEveryMs: 0, ...story };
    daemon = new GuardedDaemon(played, under);
    return daemon;
  }

  test.each([
    ['the main process of a unit', [GUARD, '--']],
    ['process 1', [...AS_PROCESS_1, GUARD]],
  ])('as %s withdraws when the daemon is killed, and ends as it did', async (_, under) => {
    const victim = await play(under);
    const { guardPid, guardMode } = await victim.line('serving');
    expect(guardMode).toBe('parent');
    if (under[0] !== GUARD) expect(guardPid).toBe(1);
    const [pid = 0] = childrenOf(under[0] === GUARD ? victim.pid : childrenOf(victim.pid)[0]);
    const killedAt = witness.now();
    process.kill(pid, 'SIGKILL');
    for (const vip of VIPS) {
      expect((await witness.removalOf(vip)) - killedAt).toBeLessThan(SOON_MS);
    }
    expect(await witness.datagramsReach(1)).toEqual(['127.0.0.1 resigned']);
    expect(await victim.exit()).toEqual([128 + 9, null]);
  });

  test('withdraws at the deadline when the daemon is stopped', async () => {
    const victim = await play([GUARD], { rightMs: 300, renewEveryMs: 50 });
    await victim.line('serving');
    const [pid = 0] = childrenOf(victim.pid);
    process.kill(pid, 'SIGSTOP');
    const stoppedAt = witness.now();
    for (const vip of VIPS) {
      expect((await witness.removalOf(vip)) - stoppedAt).toBeLessThan(300 + SOON_MS);
    }
    process.kill(pid, 'SIGCONT');
    await victim.line('deadline-refused');
  });

  test('that is killed is missed at once, and no other is started in its place', async () => {
    const orphan = await play([GUARD], { rightMs: 10_000, renewEveryMs: 20 });
    await orphan.line('serving');
    const [pid = 0] = childrenOf(orphan.pid);
    const killedAt = witness.now();
    orphan.signal('SIGKILL');
    await orphan.line('orphaned');
    expect(witness.now() - killedAt).toBeLessThan(SOON_MS);
    expect(orphan.lines.map((line) => line.kind)).toEqual(['serving', 'orphaned']);
    expect(childrenOf(pid)).toEqual([]);
    process.kill(pid, 'SIGKILL');
  });

  test('that hangs is replaced by a child, and leaves the VIPs alone when it wakes', async () => {
    const holder = await play([GUARD]);
    await holder.line('serving');
    const [pid = 0] = childrenOf(holder.pid);
    holder.signal('SIGSTOP');
    await holder.guardAgain();
    holder.signal('SIGCONT');
    await sleep(200);
    for (const vip of VIPS) expect(await witness.isBound(vip)).toBe(true);
    const killedAt = witness.now();
    process.kill(pid, 'SIGKILL');
    for (const vip of VIPS) {
      expect((await witness.removalOf(vip)) - killedAt).toBeLessThan(SOON_MS);
    }
    expect(await holder.exit()).toEqual([128 + 9, null]);
  });

  test.each([
    ['exit 7', 7],
    ['kill -TERM $$', 128 + 15],
    ['exec /no/such/program', 127],
  ])('passes on how "%s" ended', async (script, code) => {
    const child = spawn(GUARD, ['--', 'sh', '-c', script], { stdio: 'ignore' });
    expect(await once(child, 'exit')).toEqual([code, null]);
  });

  test('says what it cannot start', () => {
    const { stderr } = spawnSync(GUARD, ['/no/such/program'], { encoding: 'utf8' });
    expect(stderr).toContain('Cannot start "/no/such/program": No such file or directory');
  });

  test('passes signals on, and is itself deaf to them', async () => {
    const script = `for s in HUP USR1 INT QUIT TERM; do trap "echo $s" $s; done
      echo ready; i=0; while [ $i -lt 600 ]; do sleep 0.05; i=$((i+1)); done`;
    const child = spawn(GUARD, ['sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const said = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    expect((await said.next()).value).toBe('ready');
    for (const name of ['HUP', 'USR1', 'INT', 'QUIT', 'TERM'] as const) {
      child.kill(`SIG${name}`);
      expect((await said.next()).value).toBe(name);
    }
    const [shell = 0] = childrenOf(child.pid);
    process.kill(shell, 'SIGKILL');
    expect(await once(child, 'exit')).toEqual([128 + 9, null]);
  });

  test('leaves no zombie of what others leave to process 1', () => {
    const script = `for i in 1 2 3 4 5; do (sleep 0.05 &) ; done; sleep 0.4
      cut -d' ' -f2-4 /proc/[0-9]*/stat`;
    const [unshare, ...rest] = [...AS_PROCESS_1, GUARD, '--', 'sh', '-c', script];
    const processes = execFileSync(unshare, rest, { encoding: 'utf8' });
    expect(processes).toContain('(fairlead-guard) S 0');
    expect(processes).not.toContain(') Z ');
  });
});

function childrenOf(pid = 0): readonly number[] {
  const listed = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return listed.split(' ').filter(Boolean).map(Number);
}
