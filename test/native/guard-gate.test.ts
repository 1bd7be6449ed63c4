import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Guard, startGuard } from '../../src/dataplane/guard.ts';
import { inNamespaces } from '../lab/namespaces.ts';
import { GateReferee } from './gate-referee.ts';
import { bundleDaemon, GuardedDaemon, onLo, Witness } from './guard-lab.ts';

const CLOSE_MARK = 0xfa1e_0003;
/** Two MAC addresses of zero, the type, and zeros. */
const CLOSE_FRAME = `${'00'.repeat(12)}88b5${'00'.repeat(46)}`;
const VIPS = ['192.0.2.30', '2001:db8::30'];

describe.skipIf(!inNamespaces)('the guard closes the gate', () => {
  let witness: Witness;
  let referee: GateReferee;
  let guard: Guard | undefined;
  let daemon: GuardedDaemon | undefined;

  beforeAll(bundleDaemon);

  beforeEach(async () => {
    witness = new Witness();
    referee = await GateReferee.start();
  });

  afterEach(async () => {
    await daemon?.end();
    await guard?.close();
    daemon = guard = undefined;
    referee.close();
    await witness.close();
  });

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

  test('at the deadline, by one frame, before the first of many addresses is gone', async () => {
    const held = await startQuietGuard();
    const listed = onLo(...Array.from({ length: 2_000 }, (_, i) => `10.9.${i >> 8}.${i & 255}`));
    await witness.kernel.addAddresses(listed, Infinity);
    await held.setGate(CLOSE_MARK);
    held.storeDeadline(witness.now() + 100);
    await held.guard(listed);
    const [frame] = await referee.framesReach(1);
    expect(frame).toMatchObject({ mark: CLOSE_MARK, hex: CLOSE_FRAME });
    expect(frame?.at).toBeLessThan(await referee.removalOf('10.9.0.0'));
    await referee.removalOf('10.9.7.207');
    expect(referee.frames).toHaveLength(1);
  });

  test('when the daemon is killed, also a guard that took the place of another', async () => {
    daemon = new GuardedDaemon({
      vips: VIPS,
      resignTo: [],
      rightMs: 0,
      renewEveryMs: 0,
      closeMark: CLOSE_MARK,
    });
    process.kill((await daemon.line('serving')).guardPid, 'SIGKILL');
    await daemon.guardAgain();
    expect(referee.frames).toEqual([]);
    daemon.signal('SIGKILL');
    for (const vip of VIPS) await referee.removalOf(vip);
    expect(await referee.framesReach(1)).toMatchObject([{ mark: CLOSE_MARK }]);
  });

  test('but not one that has been taken away, nor for an orderly end', async () => {
    const held = await startQuietGuard();
    await held.setGate(CLOSE_MARK);
    await held.setGate(undefined);
    held.storeDeadline(witness.now() - 1);
    await expect(held.guard(onLo('192.0.2.31'))).rejects.toMatchObject({ code: 'ETIME' });
    held.storeDeadline(0);
    await held.setGate(CLOSE_MARK);
    await held.guard(onLo('192.0.2.31'));
    await held.close();
    await sleep(50);
    expect(referee.frames).toEqual([]);
  });
});
