import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Stage } from '../../src/demo/stage.ts';

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
  /** Resolves when what was on the wire so far has been printed. */
  stop(): Promise<void>;
}

/** Starts tcpdump on the client's eth0, for ARP and IPv6 neighbour discovery. */
export async function startTcpdump(stage: Stage): Promise<Tcpdump> {
  const filter = 'arp or (icmp6 and ip6[40] >= 135 and ip6[40] <= 136)';
  const command = ['tcpdump', '-i', 'eth0', '-n', '-e', '-tt', '-l', '-v', '--immediate-mode'];
  const [executable, ...rest] = stage.network.client.inside([...command, filter]);
  const env = hasOneId() ? { ...process.env, LD_PRELOAD: keepIds() } : process.env;
  const child = spawn(executable, rest, { stdio: ['ignore', 'pipe', 'pipe'], env });
  stage.atClose(() => void child.kill());
  // With -v a packet may take two lines; the second begins with blanks.
  const packets: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (/^\s/.test(line)) packets.push(`${packets.pop() ?? ''} ${line.trim()}`);
    else packets.push(line);
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('listening on')) resolve();
    });
    child.once('exit', () => reject(new Error(`tcpdump ended: ${said}`)));
  });
  return {
    announcements: (address) => packets.flatMap((packet) => parseAnnouncement(packet, address)),
    stop: async () => {
      child.kill('SIGINT');
      await ended;
    },
  };
}

/** Whether this user namespace has but one user (user_namespaces(7), uid_map). */
function hasOneId(): boolean {
  return /^\s*0\s+\d+\s+1\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
}

let compiled: string | undefined;

function keepIds(): string {
  if (compiled !== undefined) return compiled;
  const source = path.join(import.meta.dirname, 'keep_ids.cc');
  const library = path.join(mkdtempSync('/run/fairlead-lab-'), 'keep_ids.so');
  execFileSync(process.env['CXX'] ?? 'g++', ['-shared', '-fPIC', '-o', library, source]);
  compiled = library;
  return library;
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
