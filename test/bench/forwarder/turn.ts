import { type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { invariant } from '../../../src/core/invariant.ts';
import { untilReady } from '../../../src/demo/namespace.ts';
import { compile } from '../../lab/compile.ts';
import { type ControlGroup, makeControlGroup } from './cgroup.ts';
import { FRONT_PORT, type Proxy, SERVER_PORT } from './proxies.ts';
import {
  ENDS_PROCESSOR,
  PROXY_PROCESSOR,
  run,
  SERVER,
  type Stand,
  start,
  TO_CLIENT,
  VIP,
} from './stand.ts';
import type { Metric, Workload } from './workload.ts';

/** What one turn measured. */
export type Measured = Readonly<Partial<Record<Metric, number>>>;

const PROXY_LIMIT_MS = 10_000;
/** Nothing grows any more then, of what stalled readers leave in buffers. */
const STALLED_MS = 2500;
const SETTLED_MS = 300;

export interface Lengths {
  readonly warmUpMs: number;
  readonly windowMs: number;
}

/** The answer of load.cc. */
interface Report {
  readonly seconds: number;
  readonly bytes: number;
  readonly count: number;
  readonly errors: number;
  readonly p50us: number;
  readonly used: readonly number[];
}

/**
 * Starts a proxy and a server, has the workload done, and ends both. Without a proxy the client
 * asks the server.
 *
 * @throws when the proxy does not come, a connection fails, or something is left of the last turn.
 */
export async function playTurn(
  stand: Stand,
  proxy: Proxy | undefined,
  workload: Workload,
  lengths: Lengths,
): Promise<Measured> {
  refuseLeftovers(stand);
  const folder = mkdtempSync('/run/fairlead-forward-');
  const group = makeControlGroup('fairlead-bench');
  const server = startServer(stand, workload);
  let running: ChildProcess | undefined;
  try {
    await untilReady(server, 'start the server');
    if (proxy !== undefined) running = await startProxy(stand, proxy, group, folder);
    return await measure({ stand, proxy, workload, lengths, group, server });
  } finally {
    if (running !== undefined) await end(running);
    await end(server);
    if (proxy !== undefined && proxy.bindsVip === undefined) setVip(stand, 'del');
    await emptied(group);
    group.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function refuseLeftovers({ balancer, server }: Stand): void {
  const left = [balancer, server].map((each) => run(each, 'ss', '-Hltn')).join('');
  invariant(left.trim() === '', `nobody listens before a turn: ${left}`);
}

function startServer(stand: Stand, { mode, bytes }: Workload): ChildProcess {
  const modes = { up: 'sink', down: 'source', stall: 'source', rr: 'echo', cps: 'echo' };
  const does = mode === 'hold' ? 'echo' : modes[mode];
  const words = [does, SERVER, String(SERVER_PORT), String(Math.max(bytes, 1))];
  const place = { namespace: stand.server, processor: ENDS_PROCESSOR };
  const command = [compile('test/bench/forwarder/backend.cc'), ...words];
  return start(place, command, ['pipe', 'pipe', 'inherit']);
}

async function startProxy(
  stand: Stand,
  proxy: Proxy,
  group: ControlGroup,
  folder: string,
): Promise<ChildProcess> {
  if (proxy.bindsVip === undefined) setVip(stand, 'add');
  const place = { namespace: stand.balancer, processor: PROXY_PROCESSOR, group };
  const stdio: StdioOptions = ['ignore', 'ignore', 'inherit'];
  const child = start(place, proxy.command(folder), stdio);
  const listening = `${VIP}:${FRONT_PORT} `;
  for (let waited = 0; waited < PROXY_LIMIT_MS; waited += 50) {
    if (run(stand.balancer, 'ss', '-Hltn').includes(listening)) {
      await sleep(SETTLED_MS);
      return child;
    }
    await sleep(50);
  }
  await end(child);
  throw new Error(`${proxy.name} does not listen on ${listening}`);
}

function setVip(stand: Stand, verb: 'add' | 'del'): void {
  run(stand.balancer, 'ip', 'address', verb, `${VIP}/32`, 'dev', TO_CLIENT);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.stdin?.end();
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await ended;
  clearTimeout(timer);
}

/** Waits until the last process of a group has been reaped. */
async function emptied(group: ControlGroup): Promise<void> {
  const left = (): boolean => group.members.some((file) => readFileSync(file, 'utf8') !== '');
  for (let waited = 0; left() && waited < 3000; waited += 20) await sleep(20);
}

interface Turn {
  readonly stand: Stand;
  readonly proxy: Proxy | undefined;
  readonly workload: Workload;
  readonly lengths: Lengths;
  readonly group: ControlGroup;
  readonly server: ChildProcess;
}

async function measure(turn: Turn): Promise<Measured> {
  if (turn.workload.mode === 'hold') return measureMemory(turn);
  if (turn.workload.mode === 'stall') return measureHeld(turn);
  const { group, workload } = turn;
  const client = startClient(turn, workload.mode, [group.timeFile]);
  invariant(client.stdout !== null, 'the client has an output');
  const [said] = await Promise.all([text(client.stdout), once(client, 'exit')]);
  invariant(said !== '', 'the client reported');
  const report: Report = JSON.parse(said);
  invariant(report.errors === 0, `no connection failed: ${report.errors} did`);
  const usedSeconds = (report.used[0] ?? 0) * group.timeUnit;
  if (workload.mode === 'rr' || workload.mode === 'cps') {
    const rate = report.count / report.seconds;
    return { cost: (usedSeconds * 1e6) / report.count, rate, p50: report.p50us };
  }
  const gibibytes = report.bytes / 2 ** 30;
  return {
    cost: (usedSeconds * 1e3) / gibibytes,
    rate: (report.bytes * 8) / report.seconds / 1e9,
  };
}

function startClient(turn: Turn, mode: string, files: readonly string[]): ChildProcess {
  const { stand, proxy, workload, lengths } = turn;
  const [address, port] = proxy === undefined ? [SERVER, SERVER_PORT] : [VIP, FRONT_PORT];
  // Over a long way windows take their time to grow.
  const times = [lengths.warmUpMs, lengths.windowMs].map((ms) => ms * (workload.far ? 4 : 1));
  const numbers = [port, workload.connections, workload.bytes, ...times];
  const words = [mode, address, ...numbers.map(String), ...files];
  const namespace = workload.far ? stand.far : stand.client;
  const place = { namespace, processor: ENDS_PROCESSOR };
  const command = [compile('test/bench/forwarder/load.cc'), ...words];
  return start(place, command, ['pipe', 'pipe', 'inherit']);
}

/** Memory a pair of connections: what the group has more with them than before. */
async function measureMemory(turn: Turn): Promise<Measured> {
  const { group, workload } = turn;
  const before = { own: ownMemory(group), kernel: group.memory() };
  const client = startClient(turn, 'hold', []);
  await untilReady(client, 'open the connections');
  await sleep(SETTLED_MS);
  const own = (ownMemory(group) - before.own) / workload.connections;
  const kernel = (group.memory() - before.kernel) / workload.connections;
  await end(client);
  return { own, kernel };
}

/** Anonymous memory of the group's processes (proc_pid_status(5)), in bytes. */
function ownMemory(group: ControlGroup): number {
  const pids = readFileSync(group.members[0] ?? '', 'utf8')
    .trim()
    .split('\n');
  const kilobytes = pids.map((pid) => {
    const status = readFileSync(path.join('/proc', pid, 'status'), 'utf8');
    return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1] ?? 0);
  });
  return kilobytes.reduce((sum, each) => sum + each, 0) * 1024;
}

/** What the server could send to readers that never read, in MB each: all of it is in buffers. */
async function measureHeld(turn: Turn): Promise<Measured> {
  const { server, workload } = turn;
  const client = startClient(turn, 'hold', []);
  await untilReady(client, 'open the connections');
  await sleep(STALLED_MS);
  invariant(server.stdout !== null, 'the server has an output');
  const said = text(server.stdout);
  server.stdin?.end();
  const { bytes }: { readonly bytes: number } = JSON.parse(await said);
  await end(client);
  return { held: bytes / workload.connections / 1e6 };
}
