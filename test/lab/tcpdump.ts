import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Namespace } from '../../src/demo/namespace.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { compile } from './compile.ts';

/** One announcement of an address that tcpdump saw on the wire. */
export interface SeenAnnouncement {
  /** Milliseconds of wall time. */
  readonly at: number;
  readonly mac: string;
  readonly form: 'arp-request' | 'arp-reply' | 'neighbor-advertisement';
}

export interface Tcpdump {
  /** Announcements of `address` that nobody asked for, in order. */
  announcements(address: string): readonly SeenAnnouncement[];
  /** The MAC addresses in the ARP replies for `address`, in order. */
  answers(address: string): readonly string[];
  /** Questions for `address` by which nobody claims it: ARP probes, or duplicate detection's. */
  probes(address: string): readonly { readonly at: number; readonly mac: string }[];
  /** Resolves when what was on the wire so far has been printed. */
  stop(): Promise<void>;
}

/** Starts tcpdump on the client's eth0, for ARP and IPv6 neighbour discovery. */
export async function startTcpdump(stage: Stage): Promise<Tcpdump> {
  const filter = 'arp or (icmp6 and ip6[40] >= 135 and ip6[40] <= 136)';
  const child = spawnTcpdump(stage.network.client, ['-i', 'eth0', '-v', filter]);
  stage.atClose(() => void child.kill());
  // With -v a packet may take two lines; the second begins with blanks.
  const packets: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (/^\s/.test(line)) packets.push(`${packets.pop() ?? ''} ${line.trim()}`);
    else packets.push(line);
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await untilListening(child);
  return {
    announcements: (address) => packets.flatMap((packet) => parseAnnouncement(packet, address)),
    answers: (address) => packets.flatMap((packet) => packet.match(replyFor(address))?.[1] ?? []),
    probes: (address) => packets.flatMap((packet) => parseProbe(packet, address)),
    stop: async () => {
      child.kill('SIGINT');
      await ended;
    },
  };
}

type TcpdumpProcess = ChildProcessByStdio<null, Readable, Readable>;

/** Starts tcpdump in a network: times and hardware addresses, each frame at once. */
export function spawnTcpdump(network: Namespace, rest: readonly string[]): TcpdumpProcess {
  const command = ['tcpdump', '-n', '-e', '-tt', '-l', '--immediate-mode'];
  // Slots for whole packets are so few that a burst of some hundred is lost.
  command.push('--snapshot-length', '256', '--buffer-size', '8192', ...rest);
  const [executable, ...inside] = network.inside(command);
  const env = hasOneId() ? { ...process.env, LD_PRELOAD: keepIds() } : process.env;
  return spawn(executable, inside, { stdio: ['ignore', 'pipe', 'pipe'], env });
}

/** Resolves when it misses nothing any more. */
export async function untilListening(child: TcpdumpProcess): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('listening on')) resolve();
    });
    child.once('exit', () => reject(new Error(`tcpdump ended: ${said}`)));
  });
}

function keepIds(): string {
  return compile('test/lab/keep_ids.cc', ['-shared', '-fPIC']);
}

/** Whether this user namespace has but one user (user_namespaces(7), uid_map). */
function hasOneId(): boolean {
  return /^\s*0\s+\d+\s+1\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
}

function replyFor(address: string): RegExp {
  return new RegExp(` Reply ${address.replaceAll('.', String.raw`\.`)} is-at ([0-9a-f:]{17})`);
}

function parseProbe(
  packet: string,
  address: string,
): readonly { readonly at: number; readonly mac: string }[] {
  const head = /^(\d+\.\d+) ([0-9a-f:]{17}) > /.exec(packet);
  if (head === null) return [];
  const [, seconds, mac = ''] = head;
  const words = [` who-has ${address} tell 0.0.0.0,`, ` :: > ff02::1:ff`];
  const isProbe =
    packet.includes(words[0] ?? '') ||
    (packet.includes(words[1] ?? '') && packet.includes(`who has ${address}`));
  return isProbe ? [{ at: Number(seconds) * 1000, mac }] : [];
}

function parseAnnouncement(packet: string, address: string): readonly SeenAnnouncement[] {
  const head = /^(\d+\.\d+) ([0-9a-f:]{17}) > ([0-9a-f:]{17}|Broadcast),/.exec(packet);
  if (head === null) return [];
  const [, seconds, mac = '', destination = ''] = head;
  const at = Number(seconds) * 1000;
  const toAll = destination === 'Broadcast' || destination === 'ff:ff:ff:ff:ff:ff';
  // An announcement's target address is its sender's (RFC 5227 §1.1). A target MAC that is not zero
  // would be printed in brackets behind the address.
  const request = [`Announcement ${address},`, `Request who-has ${address} tell ${address},`];
  if (toAll && request.some((words) => packet.includes(` ${words}`))) {
    return [{ at, mac, form: 'arp-request' }];
  }
  if (toAll && packet.includes(` Reply ${address} is-at ${mac},`)) {
    return [{ at, mac, form: 'arp-reply' }];
  }
  const toAllNodes = destination.startsWith('33:33:');
  if (toAllNodes && packet.includes(`tgt is ${address},`)) {
    return [{ at, mac, form: 'neighbor-advertisement' }];
  }
  return [];
}
