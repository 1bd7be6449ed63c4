import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { register as registerHandoff } from '../../src/cli/handoff.ts';
import { register as registerStatus } from '../../src/cli/status.ts';
import type { HandoffResult } from '../../src/core/status/control.ts';
import { type ControlSocket, startControlSocket } from '../../src/daemon/control-socket.ts';
import { exampleStatus } from './example-status.ts';

let folder: string;
let file: string;
let daemon: ControlSocket;
let result: HandoffResult;
let exitCode: typeof process.exitCode;
let out: string;
let err: string;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fairlead-cli-'));
  file = path.join(folder, 'fairlead.sock');
  daemon = await startControlSocket({
    path: file,
    status: () => exampleStatus(),
    handoff: async () => result,
    onError: () => {},
  });
  exitCode = process.exitCode;
  out = '';
  err = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  process.exitCode = exitCode;
  await daemon.close();
  rmSync(folder, { recursive: true, force: true });
});

async function fairlead(...words: readonly string[]): Promise<void> {
  const program = new Command().exitOverride();
  registerStatus(program);
  registerHandoff(program);
  await program.parseAsync(words, { from: 'user' });
}

test('fairlead status prints a table, and nothing else', async () => {
  await fairlead('status', '--socket', file);
  expect(out).toMatch(/^NODE +ROLE/);
  expect(err).toBe('');
});

test('fairlead handoff prints who leads now, and how long it took', async () => {
  result = { kind: 'done', from: 'server1', to: 'server2', term: 5, durationMs: 14 };
  await fairlead('handoff', '--socket', file);
  expect(out).toBe('server1 handed over to server2 in 14 ms (term 5)\n');
  expect(process.exitCode).toBe(exitCode);
});

test('fairlead handoff that was refused ends with 1', async () => {
  result = { kind: 'refused', reason: 'no-eligible-peer', leader: 'server1', peers: [] };
  await fairlead('handoff', '--socket', file, '--to', 'server2', '-o', 'json');
  expect(JSON.parse(out)).toMatchInlineSnapshot(`
    {
      "apiVersion": "fairlead.io/v1",
      "kind": "Handoff",
      "leader": "server1",
      "outcome": "refused",
      "peers": [],
      "reason": "no-eligible-peer",
    }
  `);
  expect(process.exitCode).toBe(1);
  await fairlead('handoff', '--socket', file);
  expect(err).toBe('Cannot hand over: no peer can take the VIPs\n');
});

test('fairlead handoff wants a number of seconds', async () => {
  await expect(fairlead('handoff', '--socket', file, '--timeout', 'soon')).rejects.toThrow(
    "option '--timeout <seconds>' argument 'soon' is invalid",
  );
});
