import { type ChildProcess, execFileSync, type StdioOptions, spawn } from 'node:child_process';
import { nativeExecutable } from '../../../src/dataplane/binding.ts';
import { holdNamespace, type Namespace, untilReady } from '../../../src/demo/namespace.ts';
import { compile } from '../../lab/compile.ts';
import type { ControlGroup } from './cgroup.ts';

/**
 * Three machines in a row, each a network of its own:
 *
 *     client 198.18.0.2 ── 198.18.0.1 balancer 198.18.1.1 ── 198.18.1.2 server
 *
 *     far 198.18.2.2 ── 20 ms ── 198.18.2.1 ──┘
 *
 * The balancer routes, so that clients can also ask the server itself (RFC 2544, C.2.2, has the
 * addresses).
 */
export interface Stand {
  readonly client: Namespace;
  /** Another client, 40 ms there and back. */
  readonly far: Namespace;
  readonly balancer: Namespace;
  readonly server: Namespace;
  close(): Promise<void>;
}

export const VIP = '198.18.0.100';
export const SERVER = '198.18.1.2';
/** The balancer's links. */
export const TO_CLIENT = 'eth0';
const TO_SERVER = 'eth1';
const TO_FAR = 'far0';
const FAR_DELAY_MS = 20;

/** Proxies have one processor; clients and servers share the other. */
export const PROXY_PROCESSOR = 0;
export const ENDS_PROCESSOR = 1;

const SETTINGS = [
  'net.ipv4.ip_forward=1',
  'net.ipv4.ip_local_port_range=1024 65535',
  // 10,000 connections a second leave as many in TIME_WAIT at whichever end closes first.
  'net.ipv4.tcp_tw_reuse=1',
  'net.core.somaxconn=65535',
  'net.ipv4.tcp_max_syn_backlog=65535',
];

/** Makes them. Needs ip(8) and sysctl(8). */
export async function createStand(): Promise<Stand> {
  const netns = nativeExecutable('fairlead-netns');
  const held: Namespace[] = [];
  const path: ChildProcess[] = [];
  const close = async (): Promise<void> => {
    for (const child of path) child.kill('SIGKILL');
    await Promise.all(held.map((namespace) => namespace.close()));
  };
  try {
    const hold = async (name: string): Promise<Namespace> => {
      const namespace = await holdNamespace(netns, name);
      held.push(namespace);
      return namespace;
    };
    const [client, far, balancer, server] = [
      await hold('client'),
      await hold('far'),
      await hold('balancer'),
      await hold('server'),
    ];
    joinByCable(balancer, TO_CLIENT, '198.18.0.1/24', client, '198.18.0.2/24');
    joinByCable(balancer, TO_SERVER, '198.18.1.1/24', server, `${SERVER}/24`);
    path.push(await joinFarAway(balancer, far));
    run(client, 'ip', 'route', 'add', 'default', 'via', '198.18.0.1');
    run(far, 'ip', 'route', 'add', 'default', 'dev', TO_FAR);
    run(server, 'ip', 'route', 'add', 'default', 'via', '198.18.1.1');
    for (const namespace of held) run(namespace, 'sysctl', '-qw', ...SETTINGS);
    return { client, far, balancer, server, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function joinByCable(
  near: Namespace,
  link: string,
  nearAddress: string,
  far: Namespace,
  farAddress: string,
): void {
  const holder = /\d+/.exec(far.path)?.[0] ?? '';
  run(near, 'ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', holder);
  run(near, 'ip', 'address', 'add', nearAddress, 'dev', link);
  run(far, 'ip', 'address', 'add', farAddress, 'dev', 'eth0');
  run(near, 'ip', 'link', 'set', link, 'up');
  run(far, 'ip', 'link', 'set', 'eth0', 'up');
}

async function joinFarAway(near: Namespace, far: Namespace): Promise<ChildProcess> {
  const program = compile('test/bench/forwarder/far_path.cc');
  const words = [near.path, far.path, TO_FAR, String(FAR_DELAY_MS)];
  const child = spawn('taskset', ['-c', String(ENDS_PROCESSOR), program, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await untilReady(child, 'lay a long way');
  const ends: readonly (readonly [Namespace, string])[] = [
    [near, '198.18.2.1/24'],
    [far, '198.18.2.2/24'],
  ];
  for (const [namespace, address] of ends) {
    run(namespace, 'ip', 'address', 'add', address, 'dev', TO_FAR);
    run(namespace, 'ip', 'link', 'set', TO_FAR, 'txqueuelen', '10000', 'up');
  }
  return child;
}

/** Runs a program in `namespace` to its end, and returns what it printed. */
export function run(namespace: Namespace, ...command: readonly string[]): string {
  const [executable, ...rest] = namespace.inside(command);
  return execFileSync(executable, rest, { encoding: 'utf8' });
}

/** Where a program runs: on which processor, and in whose account. */
export interface Place {
  readonly namespace: Namespace;
  readonly processor: number;
  readonly group?: ControlGroup;
}

/** Starts a program there; it may open as many files as it likes. */
export function start(
  { namespace, processor, group }: Place,
  command: readonly string[],
  stdio: StdioOptions,
): ChildProcess {
  const join = (group?.members ?? []).map((file) => `echo $$ > ${file}`);
  const words = [...join, 'ulimit -n "$(ulimit -H -n)"', `exec taskset -c ${processor} "$@"`];
  return namespace.spawn(['sh', '-ec', words.join('\n'), 'sh', ...command], stdio);
}
