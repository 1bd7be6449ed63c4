import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { nativeExecutable } from '../../src/dataplane/binding.ts';
import { inNamespaces } from '../lab/namespaces.ts';

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

describe.skipIf(!inNamespaces)('fairlead-netns', () => {
  const netns = inNamespaces ? nativeExecutable('fairlead-netns') : '';
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-netns-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function call(...args: readonly string[]): Outcome {
    const { status, stdout, stderr } = spawnSync(netns, args, { encoding: 'utf8', input: '' });
    return { code: status, out: stdout.trim(), err: stderr.trim() };
  }

  test('run passes on the exit code, and 128 + n for signal n', () => {
    expect(call('run', '--', 'sh', '-c', 'exit 7').code).toBe(7);
    expect(call('run', 'sh', '-c', 'kill -9 $$').code).toBe(128 + 9);
  });

  test('run says what it cannot execute, with the exit codes of a shell', () => {
    expect(call('run', 'no-such-command')).toMatchObject({
      code: 127,
      err: 'fairlead-netns: Cannot run "no-such-command": execvp failed: No such file or directory',
    });
    expect(call('run', '/etc/passwd').code).toBe(126);
  });

  test('run gives a machine of its own: lo up, nobody else, an empty /run, and says so', () => {
    expect(call('run', 'sh', '-c', 'ls /run').out).toBe('');
    expect(call('run', 'sh', '-c', 'echo $FAIRLEAD_NAMESPACES $$').out).toBe('1 2');
    expect(call('run', 'cat', '/proc/net/if_inet6').out).toContain(
      '00000000000000000000000000000001',
    );
    expect(call('run', 'readlink', '/proc/self/ns/net').out).not.toBe(
      readlinkSync('/proc/self/ns/net'),
    );
  });

  test('run passes signals on to the command', async () => {
    const script = 'trap "exit 3" TERM; echo up; while :; do sleep 0.05; done';
    const run = spawn(netns, ['run', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(run.stdout, 'data');
    run.kill('SIGTERM');
    expect(await once(run, 'exit')).toEqual([3, null]);
  });

  test('nothing of a run survives its death, not even what left its session', async () => {
    const script = 'setsid sleep 4711 & sleep 4711 & echo up; wait';
    const run = spawn(netns, ['run', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(run.stdout, 'data');
    await sleep(50);
    expect(call('run', 'true').code).toBe(0);
    expect(sleepers()).toBe(2);
    run.kill('SIGKILL');
    await once(run, 'exit');
    await expect.poll(sleepers).toBe(0);
  });

  test('a run ends with the one that started it', async () => {
    const script = `"${netns}" run sh -c 'setsid sleep 4711 & echo up; wait' & wait`;
    const parent = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(parent.stdout, 'data');
    parent.kill('SIGKILL');
    await expect.poll(sleepers).toBe(0);
  });

  test('hold keeps a network, which enter finds, until its stdin closes', async () => {
    const hold = spawn(netns, ['hold'], { stdio: ['pipe', 'pipe', 'inherit'] });
    expect(String(await once(hold.stdout, 'data'))).toBe('ready\n');
    const handle = `/proc/${hold.pid}/ns/net`;
    hold.kill('SIGINT'); // As Ctrl-C does to the whole group, whose daemons still have to leave.
    expect(call('enter', handle, '--', 'readlink', '/proc/self/ns/net').out).toBe(
      readlinkSync(handle),
    );
    expect(readlinkSync(handle)).not.toBe(readlinkSync('/proc/self/ns/net'));
    hold.stdin.end();
    expect(await once(hold, 'exit')).toEqual([0, null]);
    expect(call('enter', handle, 'true')).toMatchObject({
      code: 4,
      err: `fairlead-netns: Cannot enter "${handle}": open failed: No such file or directory`,
    });
  });

  test('check is silent where namespaces are had', () => {
    expect(call('check')).toEqual({ code: 0, out: '', err: '' });
  });

  test('check names the cause and the cure where they are not', () => {
    // A limit that a user namespace sets for itself. As the machine's root there is none to set it
    // in without harm, so a user without privileges makes one.
    const copy = path.join(folder, 'fairlead-netns');
    copyFileSync(netns, copy);
    chmodSync(copy, 0o755);
    chmodSync(folder, 0o755);
    const limit = '/proc/sys/user/max_net_namespaces';
    const script = `before=$(cat ${limit}); echo 0 > ${limit}; "${copy}" check; code=$?; echo $before > ${limit}; exit $code`;
    const nobody = isRealRoot() ? { uid: 65_534, gid: 65_534 } : {};
    const { status, stderr } = spawnSync(copy, ['run', 'sh', '-c', script], {
      ...nobody,
      cwd: '/',
      encoding: 'utf8',
    });
    expect(stderr.trim().split(/[;:] | \(/)).toEqual([
      'fairlead-netns',
      'Cannot make namespaces',
      'a limit of /proc/sys/user/max_*_namespaces is reached',
      'raise it, for example `sudo sysctl -w user.max_net_namespaces=15000`',
      'clone(CLONE_NEWNET) failed',
      'No space left on device, errno 28)',
    ]);
    expect(status).toBe(4);
  });

  test('what it does not understand, it answers with its usage', () => {
    expect(call()).toMatchObject({
      code: 2,
      err: expect.stringContaining('usage: fairlead-netns'),
    });
    expect(call('run')).toMatchObject({ code: 2 });
    expect(call('enter', '/proc/1/ns/net')).toMatchObject({ code: 2 });
  });
});

/** How many of the tests' own sleeping processes live. */
function sleepers(): number {
  const { stdout } = spawnSync('sh', ['-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null'], {
    encoding: 'utf8',
  });
  return stdout.split('sleep\x004711').length - 1;
}

/** Whether root here is root of the machine: then ids are mapped as they are. */
function isRealRoot(): boolean {
  return /^\s*0\s+0\s+4294967295$/m.test(readFileSync('/proc/self/uid_map', 'utf8'));
}
