import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { nativeExecutable } from '../../src/dataplane/binding.ts';
import { inNamespaces } from '../lab/namespaces.ts';
import { bundleDaemon, GuardedDaemon, Witness } from './guard-lab.ts';

/** Of the binutils, as the linker is. */
const READELF = 'readelf';
const VIPS = ['192.0.2.50', '2001:db8::50'];

function needsNoLoader(): void {
  const guard = nativeExecutable('fairlead-guard');
  const headers = execFileSync(READELF, ['--program-headers', '--dynamic', guard]).toString();
  expect(headers).toContain('LOAD');
  expect(headers).not.toContain('INTERP');
  expect(headers).not.toContain('(NEEDED)');
}

// A sanitizer cannot be linked statically, so with one this says nothing of what ships.
if (process.env['ASAN_OPTIONS'] === undefined) test('the guard needs no loader', needsNoLoader);

describe.skipIf(!inNamespaces)('daemon and guard', () => {
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

  function play(times: { readonly rightMs: number; readonly renewEveryMs: number }): GuardedDaemon {
    daemon = new GuardedDaemon({ vips: VIPS, resignTo: [], ...times });
    return daemon;
  }

  test('frozen together: a daemon that wakes first cannot move the deadline on', async () => {
    const frozen = play({ rightMs: 200, renewEveryMs: 20 });
    const { guardPid } = await frozen.line('serving');
    process.kill(guardPid, 'SIGSTOP');
    frozen.signal('SIGSTOP');
    await sleep(300);
    for (const vip of VIPS) expect(await witness.isBound(vip)).toBe(true);
    frozen.signal('SIGCONT');
    await frozen.line('deadline-refused');
    process.kill(guardPid, 'SIGCONT');
    for (const vip of VIPS) await witness.removalOf(vip);
  });

  test('a guard that is killed leaves no zombie', async () => {
    const holder = play({ rightMs: 0, renewEveryMs: 0 });
    process.kill((await holder.line('serving')).guardPid, 'SIGKILL');
    await holder.guardAgain();
    const children = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8');
    const states = children
      .split(' ')
      .filter(Boolean)
      .map((pid) => /^State:\t(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    expect(states).toEqual(['S']);
  });
});
