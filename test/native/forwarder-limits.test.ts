import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Listener } from '../../src/core/plan/state.ts';
import type { ListenerCounters } from '../../src/dataplane/forwarder.ts';
import { needsNamespaces } from '../lab/namespaces.ts';
import {
  ask,
  type Client,
  connectTo,
  countersOf,
  echo,
  hashOf,
  listenerTo,
  openForwarder,
  randomPayload,
  startBackend,
  until,
} from './forwarder-rig.ts';

const MIB = 1024 * 1024;

test('10,000 short connections leave nothing behind, and are counted exactly', async () => {
  const backend = await startBackend(echo);
  const listener = await listenerTo([backend]);
  const forwarder = openForwarder(2);
  await forwarder.setListeners([listener], { resetRemoved: false });
  await ask(listener, 'warm');
  backend.sockets.length = 0;
  const before = openDescriptors();

  let begun = 0;
  const one = async (): Promise<void> => {
    while (begun < 10_000) {
      begun += 1;
      expect(await askUntracked(listener, '0123456789')).toBe('0123456789');
      backend.sockets.length = 0;
    }
  };
  await Promise.all(Array.from({ length: 50 }, one));

  const counted = await until(
    () => countersOf(forwarder, listener),
    ({ open }) => open === 0,
  );
  expect(counted).toMatchObject({
    total: 10_001,
    failed: 0,
    bytesIn: 100_004,
    bytesOut: 100_004,
    bytesSpliced: 0,
    backends: [{ open: 0, total: 10_001, failed: 0 }],
  });
  await until(openDescriptors, (count) => count <= before);
});

test('without descriptors it pauses and does not spin, and resets nobody', async () => {
  const backend = await startBackend(echo);
  const listener = await listenerTo([backend]);
  const limit = ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'];
  const forwarder = await startProcess({ listeners: [listener] }, limit);
  const clients = Array.from({ length: 100 }, () => connectTo(listener));
  for (const { socket } of clients) socket.write('x');
  const served = (): Client[] => clients.filter(({ socket }) => socket.bytesRead > 0);
  await sleep(500);
  const atFirst = served().length;
  expect(atFirst).toBeGreaterThan(5);
  expect(atFirst).toBeLessThan(32);

  const cpuBefore = cpuSeconds(forwarder.pid);
  await sleep(1000);
  expect(cpuSeconds(forwarder.pid) - cpuBefore).toBeLessThan(0.2);

  // As those who were served leave, the others get their turn.
  const left = new Set<Client>();
  while (left.size < clients.length) {
    const [next] = await until(
      () => served().filter((client) => !left.has(client)),
      ({ length }) => length > 0,
    );
    if (next === undefined) continue;
    left.add(next);
    next.socket.end();
    expect((await next.received).toString()).toBe('x');
  }
  expect(await forwarder.counters()).toMatchObject([{ total: 100, failed: 0 }]);
});

test('without pipes worth having bulk is copied', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-fifo-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const pages = Number(readFileSync('/proc/sys/fs/pipe-user-pages-soft', 'utf8'));
  const names = Array.from({ length: Math.ceil(pages / 16) + 8 }, (_, index) => `${index}`);
  spawnSync('mkfifo', ['-m', '666', ...names], { cwd: folder });
  chmodSync(folder, 0o755);

  const backend = await startBackend(echo);
  const listener = await listenerTo([backend]);
  const forwarder = await startProcess(
    { listeners: [listener], fifoFolder: folder },
    unprivileged(),
  );
  const payload = randomPayload(16 * MIB);
  const client = connectTo(listener);
  client.socket.end(payload.bytes);
  expect(hashOf(await client.received)).toBe(payload.hash);
  expect(await forwarder.counters()).toMatchObject([
    { bytesIn: 16 * MIB, bytesOut: 16 * MIB, bytesSpliced: 0 },
  ]);
});

needsNamespaces(
  'more slow readers than there are pipes all get their bytes in the end',
  async () => {
    // Small socket buffers, so that what they do not hold is for pipes and remainders to hold.
    for (const name of ['tcp_rmem', 'tcp_wmem']) {
      const file = `/proc/sys/net/ipv4/${name}`;
      const before = readFileSync(file, 'utf8');
      writeFileSync(file, '4096 16384 262144');
      onTestFinished(() => writeFileSync(file, before));
    }
    const payload = randomPayload(2 * MIB);
    const backend = await startBackend((socket) => void socket.end(payload.bytes));
    const listener = await listenerTo([backend]);
    const forwarder = openForwarder();
    await forwarder.setListeners([listener], { resetRemoved: false });
    const descriptors = openDescriptors();
    const clients = Array.from({ length: 150 }, () => {
      const client = connectTo(listener);
      client.socket.pause();
      return client;
    });
    await until(
      () => backend.sockets.length,
      (count) => count === 150,
    );
    await sleep(500);
    // Four sockets a connection, two of them of the forwarder, and at most 64 pipes.
    expect(openDescriptors() - descriptors).toBeLessThanOrEqual(4 * 150 + 2 * 64);
    for (const { socket } of clients) socket.resume();
    for (const client of clients) expect(hashOf(await client.received)).toBe(payload.hash);
  },
  60_000,
);

/** Asks without leaving a hook behind for the end of the test: there would be ten thousand. */
async function askUntracked(listener: Listener, message: string): Promise<string> {
  const { connect } = await import('node:net');
  return new Promise((resolve, reject) => {
    const socket = connect({ host: listener.address, port: listener.port, allowHalfOpen: true });
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
    socket.end(message);
  });
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** User and system time of a process, proc_pid_stat(5) fields 14 and 15. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/**
 * The limits on pipes are not for root: step down to nobody, except where root is only so called.
 */
function unprivileged(): readonly string[] {
  const ALL_USERS = '4294967295'; // user_namespaces(7): what the initial namespace maps.
  const isRoot = readFileSync('/proc/self/uid_map', 'utf8').trim().endsWith(ALL_USERS);
  return isRoot && process.getuid?.() === 0
    ? ['setpriv', '--reuid=65534', '--clear-groups', '--inh-caps=-all']
    : [];
}

interface ForwarderProcess {
  readonly pid: number;
  counters(): Promise<readonly ListenerCounters[]>;
}

async function startProcess(
  options: { readonly listeners: readonly Listener[]; readonly fifoFolder?: string },
  prefix: readonly string[],
): Promise<ForwarderProcess> {
  const script = path.join(import.meta.dirname, 'forwarder-process.mjs');
  const wanted = JSON.stringify({ threads: 1, ...options });
  const child = spawn('env', [...prefix, process.execPath, script, wanted], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => (await lines.next()).value ?? '';
  expect(await line()).toBe('ready');
  return {
    pid: child.pid ?? 0,
    counters: async () => {
      child.stdin.write('counters\n');
      const counters: readonly ListenerCounters[] = JSON.parse(await line());
      return counters;
    },
  };
}
