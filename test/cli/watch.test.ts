import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Status } from '../../src/core/status/status.ts';
import { startControlSocket } from '../../src/daemon/control-socket.ts';
import { bundleProgram, type RunningProgram, runProgram } from '../bundled-program.ts';
import { exampleStatus } from './example-status.ts';

let folder: string;
let file: string;
let watching: RunningProgram | undefined;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'fairlead-watch-'));
  file = path.join(folder, 'fairlead.sock');
});
afterEach(async () => {
  await watching?.end();
  rmSync(folder, { recursive: true, force: true });
});

function startDaemon(status: () => Status) {
  return startControlSocket({
    path: file,
    status,
    handoff: () => Promise.reject(new Error('not asked')),
    onError: () => {},
  });
}

test('fairlead status -w, without a terminal, appends a line for each change', async () => {
  const bundle = await bundleProgram('src/main.ts');
  let status = exampleStatus();
  const daemon = await startDaemon(() => status);
  watching = runProgram(bundle, ['status', '-w', '--socket', file]);
  const { lines } = watching;
  await expect.poll(() => lines.length, { timeout: 10_000 }).toBe(1);

  const vips = status.vips.map((vip) => ({ ...vip, held: false }));
  const election = { ...status.election, role: 'follower', holder: 'server2', term: 5 } as const;
  status = exampleStatus({ vips, election });
  await expect.poll(() => lines.length).toBe(2);
  // A daemon that goes is a change as well, and one that comes back is found again.
  await daemon.close();
  await expect.poll(() => lines.length).toBe(3);
  const next = await startDaemon(() => status);
  await expect.poll(() => lines.length).toBe(4);
  await next.close();

  expect(lines.map((line) => line.replace(/^\S+Z /, ''))).toEqual([
    'server1: leader, term 4, holder server1, serves 192.168.0.75/32, gap 310 ms',
    'server1: follower, term 5, holder server2, serves nothing',
    `Cannot reach the daemon at "${file}": ENOENT`,
    'server1: follower, term 5, holder server2, serves nothing',
  ]);
});

test('fairlead status -w ends at once where no daemon is', async () => {
  watching = runProgram(await bundleProgram('src/main.ts'), ['status', '-w', '--socket', file]);
  const { child } = watching;
  const code = await new Promise((resolve) => child.once('exit', resolve));
  expect(code).toBe(3);
  expect(watching.lines).toEqual([]);
});
