import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { askHandoff, askStatus, connectFailure } from '../../src/cli/control-client.ts';
import { type HandoffResult, MAX_CONTROL_REQUEST_BYTES } from '../../src/core/status/control.ts';
import {
  type ControlSocket,
  type ControlSocketOptions,
  startControlSocket,
} from '../../src/daemon/control-socket.ts';
import { exampleStatus } from '../cli/example-status.ts';

const HANDED_OVER: HandoffResult = {
  kind: 'done',
  from: 'server1',
  to: 'server2',
  term: 5,
  durationMs: 14,
};
let folder: string;
let file: string;
let opened: ControlSocket[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'fairlead-control-'));
  file = path.join(folder, 'run', 'fairlead.sock');
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((socket) => socket.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: Partial<ControlSocketOptions> = {}): Promise<ControlSocket> {
  const socket = await startControlSocket({
    path: file,
    status: () => exampleStatus(),
    handoff: async () => HANDED_OVER,
    onError: () => {},
    ...options,
  });
  opened.push(socket);
  return socket;
}

function connect(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket: Socket = createConnection(file, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Everything that the daemon says until it hangs up. */
function readToEnd(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', () => {});
  });
}

test('a client is told the status, and what came of a handoff', async () => {
  let asked: string | undefined;
  await start({
    handoff: async (to) => {
      asked = to;
      return HANDED_OVER;
    },
  });
  expect(await askStatus({ socket: file, timeoutMs: 1000 })).toEqual(exampleStatus());
  expect(await askHandoff('server2', { socket: file, timeoutMs: 1000 })).toEqual(HANDED_OVER);
  expect(asked).toBe('server2');
});

test('only the owner can connect, whatever the umask', async () => {
  const before = process.umask(0);
  try {
    await start();
  } finally {
    process.umask(before);
  }
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('questions in one packet, or byte by byte, are answered in their order', async () => {
  await start();
  const client = await connect();
  const answers = readToEnd(client);
  client.write('{"verb":"ping"}\n{"verb":"reboot"}\n\n{"verb":"handoff","to":7}\n');
  for (const byte of '{"verb":"ping"}\n') {
    client.write(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  client.end();
  const kinds = (await answers)
    .trim()
    .split('\n')
    .map((line) => (line.includes('Pong') ? 'pong' : line));
  const refused =
    '{"ok":false,"error":{"code":"bad-request","message":"Cannot understand the request"}}';
  expect(kinds).toEqual(['pong', refused, refused, refused, 'pong']);
});

test('a question that is too long is refused, and the client dismissed', async () => {
  await start();
  for (const text of ['x'.repeat(1_000_000), `${'x'.repeat(MAX_CONTROL_REQUEST_BYTES)}\n`]) {
    const client = await connect();
    const answers = readToEnd(client);
    client.write(text);
    expect(await answers).toMatch(/"bad-request","message":"A request has at most 4096 bytes"/);
  }
  await askStatus({ socket: file, timeoutMs: 1000 });
});

test('half a question is no question', async () => {
  await start({ handoff: () => Promise.reject(new Error('asked')) });
  const client = await connect();
  const answers = readToEnd(client);
  client.end('{"verb":"handoff"}');
  expect(await answers).toBe('');
});

test('a hundred clients that say nothing keep nobody out', async () => {
  await start();
  const idle = await Promise.all(Array.from({ length: 100 }, connect));
  expect((await askStatus({ socket: file, timeoutMs: 1000 })).node).toBe('server1');
  const more = await Promise.all(Array.from({ length: 28 }, connect));
  await expect(askStatus({ socket: file, timeoutMs: 1000 })).rejects.toMatchObject({
    exitCode: 1,
    message: '128 clients are connected',
  });
  for (const client of idle) client.destroy();
  await expect
    .poll(() => askStatus({ socket: file, timeoutMs: 1000 }).then(({ kind }) => kind))
    .toBe('Status');
  for (const client of more) client.destroy();
});

test('a client too many is told so, and cannot hold up the end', async () => {
  const socket = await start();
  for (let client = 0; client < 128; client += 1) await connect();
  const refused = createConnection({ path: file, allowHalfOpen: true });
  const [said] = await once(refused, 'data');
  expect(String(said)).toContain('too-many-clients');
  await socket.close();
  refused.destroy();
});

test('a client that goes without reading hurts nobody', async () => {
  await start();
  for (let round = 0; round < 20; round += 1) {
    const client = await connect();
    client.on('error', () => {});
    client.write('{"verb":"status"}\n'.repeat(200));
    client.destroy();
  }
  await askStatus({ socket: file, timeoutMs: 1000 });
});

test('a failure inside is an answer to the client and told to the daemon', async () => {
  const failures: unknown[] = [];
  await start({
    status: () => {
      throw new Error('no clock');
    },
    onError: (err) => failures.push(err),
  });
  await expect(askStatus({ socket: file, timeoutMs: 1000 })).rejects.toThrow('no clock');
  expect(failures).toHaveLength(1);
});

test('startControlSocket() replaces the socket of a dead daemon, and of no other', async () => {
  await start();
  await expect(start()).rejects.toMatchObject({ code: 'already-running' });

  // What kill -9 leaves: close() removes the name that it was bound to, and not the one it has now.
  const dying = createServer();
  await new Promise<void>((resolve) => dying.listen(`${file}.dying`, resolve));
  file = `${file}.left`;
  renameSync(file.replace(/left$/, 'dying'), file);
  await new Promise((resolve) => dying.close(resolve));
  expect(statSync(file).isSocket()).toBe(true);
  await start();
  await askStatus({ socket: file, timeoutMs: 1000 });
});

test('startControlSocket() never removes a file that is no socket', async () => {
  file = path.join(folder, 'notes.txt');
  writeFileSync(file, 'mine');
  await expect(start()).rejects.toMatchObject({ code: 'bad-path' });
  expect(statSync(file).isFile()).toBe(true);
  file = path.join(folder, 'x'.repeat(200));
  await expect(start()).rejects.toMatchObject({ code: 'bad-path' });
});

test('close() ends clients and removes the socket', async () => {
  const socket = await start();
  const client = await connect();
  const end = readToEnd(client);
  await socket.close();
  await end;
  expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined();
  await socket.close();
});

test('without a daemon the client says so with exit code 3, and what to do', async () => {
  await expect(askStatus({ socket: file, timeoutMs: 1000 })).rejects.toMatchObject({
    exitCode: 3,
    message: `Cannot reach the daemon at "${file}": ENOENT`,
    hint: 'Start it (fairlead run -c FILE), or name its socket with --socket PATH',
  });
});

test('a daemon that is silent, or no daemon, is told apart by the exit code', async () => {
  await start({ handoff: () => new Promise(() => {}) });
  await expect(askHandoff(undefined, { socket: file, timeoutMs: 50 })).rejects.toMatchObject({
    exitCode: 5,
  });
  file = path.join(folder, 'other.sock');
  const other = createServer((client) => client.end('220 smtp\n'));
  await new Promise<void>((resolve) => other.listen(file, resolve));
  await expect(askStatus({ socket: file, timeoutMs: 1000 })).rejects.toMatchObject({ exitCode: 3 });
  other.close();
});

test("connectFailure() ends with 4 where the socket is another user's", () => {
  const denied = Object.assign(new Error('connect EACCES'), { code: 'EACCES' });
  expect(connectFailure('/run/fairlead/fairlead.sock', denied)).toMatchObject({
    exitCode: 4,
    message: 'Cannot reach the daemon at "/run/fairlead/fairlead.sock": EACCES',
  });
});
