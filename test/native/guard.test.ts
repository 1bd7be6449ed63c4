import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LinkAddress } from '../../src/core/plan/state.ts';
import { type Guard, startGuard } from '../../src/dataplane/guard.ts';
import { inNamespaces } from '../lab/namespaces.ts';
import { bundleDaemon, GuardedDaemon, onLo, Witness } from './guard-lab.ts';
import type { DaemonStory } from './guarded-daemon.ts';

const VIPS = ['192.0.2.10', '2001:db8::10'];
/** The promise is 50 ms; a busy CI machine gets three times that. */
const SOON_MS = 150;
const CAP_NET_ADMIN = 1n << 12n;

describe.skipIf(!inNamespaces)('the guard', () => {
  let witness: Witness;
  let daemon: GuardedDaemon | undefined;
  let guard: Guard | undefined;

  beforeAll(bundleDaemon);

  beforeEach(() => {
    witness = new Witness();
  });

  afterEach(async () => {
    await daemon?.end();
    await guard?.close();
    daemon = guard = undefined;
    await witness.close();
  });

  async function play(story: Partial<DaemonStory> = {}): Promise<GuardedDaemon> {
    const resignTo = [await witness.listen('127.0.0.1'), await witness.listen('::1')];
    daemon = new GuardedDaemon({ vips: VIPS, resignTo, rightMs: 0, renewEveryMs: 0, ...story });
    return daemon;
  }

  async function startQuietGuard(): Promise<Guard> {
    guard = await startGuard({
      onFired() {},
      onReplaced() {},
      onDegraded() {},
      onRestored() {},
      onOrphaned() {},
    });
    return guard;
  }

  test('SIGKILL of the daemon removes the VIPs at once, and the others are told', async () => {
    const victim = await play();
    await victim.line('serving');
    const killedAt = witness.now();
    victim.signal('SIGKILL');
    for (const vip of VIPS) {
      expect((await witness.removalOf(vip)) - killedAt).toBeLessThan(SOON_MS);
    }
    expect(await witness.datagramsReach(2)).toEqual(['127.0.0.1 resigned', '::1 resigned']);
  });

  test('the VIPs of a large daemon go, and the others are told, while it still dies', async () => {
    const victim = await play({ ballastMb: 512 });
    await victim.line('serving');
    const dead = victim.exit().then(() => witness.now());
    victim.signal('SIGKILL');
    const told = witness.datagramsReach(2).then(() => witness.now());
    const [removed, toldAt, deadAt] = await Promise.all([
      Promise.all(VIPS.map((vip) => witness.removalOf(vip))),
      told,
      dead,
    ]);
    expect(Math.max(...removed, toldAt)).toBeLessThan(deadAt);
  });

  test('SIGSTOP of the daemon removes the VIPs at the deadline, and its right is over', async () => {
    const victim = await play({ rightMs: 300, renewEveryMs: 50 });
    await victim.line('serving');
    await sleep(400);
    victim.signal('SIGSTOP');
    const stoppedAt = witness.now();
    for (const vip of VIPS) {
      const afterMs = (await witness.removalOf(vip)) - stoppedAt;
      expect(afterMs).toBeGreaterThan(300 - 50 - SOON_MS);
      expect(afterMs).toBeLessThan(300 + SOON_MS);
    }
    expect(await witness.datagramsReach(2)).toHaveLength(2);
    victim.signal('SIGCONT');
    await victim.line('deadline-refused');
    expect(await victim.line('fired')).toMatchObject({ deleted: 2, datagramsSent: 2 });
  });

  test('the VIPs go at the very deadline when nothing renews it', async () => {
    const { deadline } = await (await play({ rightMs: 300 })).line('serving');
    for (const vip of VIPS) {
      const afterMs = (await witness.removalOf(vip)) - deadline;
      expect(afterMs).toBeGreaterThanOrEqual(0);
      expect(afterMs).toBeLessThan(SOON_MS);
    }
  });

  test('a deadline that moves on keeps the VIPs', async () => {
    const holder = await play({ rightMs: 200, renewEveryMs: 20 });
    await holder.line('serving');
    await sleep(1_000);
    for (const vip of VIPS) expect(await witness.isBound(vip)).toBe(true);
    expect(holder.lines.map((line) => line.kind)).toEqual(['serving']);
  });

  test('a guard that was stopped over a deadline, since renewed, leaves the VIPs alone', async () => {
    const holder = await play({ rightMs: 150, renewEveryMs: 20 });
    const { guardPid } = await holder.line('serving');
    process.kill(guardPid, 'SIGSTOP');
    await sleep(250);
    process.kill(guardPid, 'SIGCONT');
    await sleep(300);
    for (const vip of VIPS) expect(await witness.isBound(vip)).toBe(true);
    expect(holder.lines.map((line) => line.kind)).toEqual(['serving']);
  });

  test('a guard that is killed is replaced, and its successor knows the same', async () => {
    const holder = await play();
    process.kill((await holder.line('serving')).guardPid, 'SIGKILL');
    await holder.guardAgain();
    const killedAt = witness.now();
    holder.signal('SIGKILL');
    for (const vip of VIPS) {
      expect((await witness.removalOf(vip)) - killedAt).toBeLessThan(SOON_MS);
    }
    expect(await witness.datagramsReach(2)).toHaveLength(2);
  });

  test('a guard that is stopped is replaced', async () => {
    const holder = await play();
    const { guardPid } = await holder.line('serving');
    process.kill(guardPid, 'SIGSTOP');
    const stoppedAt = witness.now();
    await holder.guardAgain();
    expect(witness.now() - stoppedAt).toBeLessThan(1_000 + 500 + 500);
    // Its parent collects it a moment later.
    await vi.waitFor(() => expect(() => process.kill(guardPid, 0)).toThrow('ESRCH'));
  });

  test('a daemon that was stopped for long does not take it for a silence of the guard', async () => {
    const holder = await play();
    await holder.line('serving');
    holder.signal('SIGSTOP');
    await sleep(2_500);
    holder.signal('SIGCONT');
    await sleep(1_200);
    expect(holder.lines.map((line) => line.kind)).toEqual(['serving']);
  });

  test('what a terminal or systemd sends to the whole group does not end it', async () => {
    const held = await startQuietGuard();
    const { pid = 0 } = held;
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGTSTP'] as const) {
      process.kill(pid, signal);
    }
    await held.guard([]);
  });

  test('it keeps CAP_NET_ADMIN and nothing else', async () => {
    const { pid = 0 } = await startQuietGuard();
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string): string =>
      new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? '';
    expect(BigInt(`0x${field('CapEff')}`)).toBe(CAP_NET_ADMIN);
    expect(BigInt(`0x${field('CapPrm')}`)).toBe(CAP_NET_ADMIN);
    expect(BigInt(`0x${field('CapInh')}`)).toBe(0n);
    expect(BigInt(`0x${field('CapAmb')}`)).toBe(0n);
    expect(field('NoNewPrivs')).toBe('1');
    expect(field('Name')).toBe('fairlead-guard');
  });

  test('it holds no file but its own, and at most 2 MB of memory of its own', async () => {
    const { pid = 0 } = await startQuietGuard();
    const folder = `/proc/${pid}/fd`;
    const files = readdirSync(folder).map((fd) => readlinkSync(`${folder}/${fd}`));
    const kinds = files.map((file) => file.replace(/socket:.*/, 'socket').replace(/:.*/, ''));
    expect(kinds.toSorted().join(' ')).toMatchInlineSnapshot(
      `"/dev/null /dev/null /dev/null /memfd anon_inode anon_inode socket socket socket socket socket"`,
    );
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const ownKb = [...rollup.matchAll(/^Private_\w+:\s+(\d+) kB/gm)].map((match) =>
      Number(match[1]),
    );
    // AddressSanitizer keeps books of its own in the process (`npm run test:native -- --asan`).
    const limitKb = process.env['ASAN_OPTIONS'] === undefined ? 2_048 : 8_192;
    expect(ownKb.reduce((sum, kb) => sum + kb, 0)).toBeLessThanOrEqual(limitKb);
  });

  test('the most that it can take is taken, and one more is refused as a whole', async () => {
    const held = await startQuietGuard();
    await held.guard(many(16_384));
    await expect(held.guard(many(16_385))).rejects.toMatchObject({ code: 'E2BIG' });
    expect(held.addresses).toHaveLength(16_384);
  });

  test('a list whose deadline has passed is refused, and withdrawn', async () => {
    const held = await startQuietGuard();
    held.storeDeadline(witness.now() - 1);
    await expect(held.guard(many(1))).rejects.toMatchObject({ code: 'ETIME' });
    expect(held.addresses).toEqual([]);
    expect(held.storeDeadline(witness.now() + 1_000)).toBe(false);
    expect(held.storeDeadline(0)).toBe(true);
    expect(held.storeDeadline(witness.now() + 1_000)).toBe(true);
    await held.guard(many(1));
  });

  test('an orderly end withdraws nothing, and leaves no process', async () => {
    const held = await startQuietGuard();
    const listed = onLo('192.0.2.77');
    await witness.kernel.addAddresses(listed, Infinity);
    await held.guard(listed);
    const { pid = 0 } = held;
    await held.close();
    expect(await witness.isBound('192.0.2.77')).toBe(true);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  test('one that cannot be started says so, with the cure', async () => {
    const ports = {
      onFired() {},
      onReplaced() {},
      onDegraded() {},
      onRestored() {},
      onOrphaned() {},
    };
    await expect(startGuard({ ...ports, executable: '/no/such/guard' })).rejects.toMatchObject({
      code: 'ENOENT',
      hint: expect.stringContaining('npm run setup'),
    });
  });
});

function many(count: number): readonly LinkAddress[] {
  return onLo(
    ...Array.from({ length: count }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`),
  );
}
