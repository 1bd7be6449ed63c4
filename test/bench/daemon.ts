// How long a daemon takes from its start to the first announcement of its VIP, with `singleNode`
// and an otherwise empty machine, and how much memory it holds when nothing happens. What is on the
// wire is said by tcpdump, at the other end of it. `npm run bench:daemon [-- --rounds N]`
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseIpAddress } from '../../src/core/address/ip.ts';
import { invariant } from '../../src/core/invariant.ts';
import { nativeExecutable } from '../../src/dataplane/binding.ts';
import { Kernel } from '../../src/dataplane/kernel.ts';
import { openSegment, type Segment } from '../lab/segment.ts';
import { addRound, printRounds, type Rounds } from './rounds.ts';

const VIP = '192.0.2.100';
/** Memory is read when the start's garbage has been collected or never will be. */
const IDLE_MS = 5000;

function configFile(folder: string, link: string): string {
  const file = path.join(folder, 'fairlead.yaml');
  const text = `localPeer: {id: bench, address: 192.0.2.1, port: 10000}
vip: ${VIP}
gratuitousARP: true
singleNode: true
interface: ${link}
dataDir: ${folder}
controlSocket: ${path.join(folder, 'fairlead.sock')}
loadBalancers:
- {name: api, type: tcp, port: 6443, bindToVip: true, backends: [{address: 192.0.2.1, port: 6444}]}
`;
  writeFileSync(file, text);
  return file;
}

/** Calls back with the wall clock's milliseconds at each ARP frame of the VIP. */
async function watchWire(segment: Segment, heard: (at: number) => void): Promise<ChildProcess> {
  const filter = `arp src host ${VIP}`;
  const inside = ['enter', segment.far.path, '--'];
  const command = ['tcpdump', '--immediate-mode', '-l', '-n', '-tt', '-i', segment.farLink.name];
  const tcpdump = spawn(nativeExecutable('fairlead-netns'), [...inside, ...command, filter]);
  tcpdump.stdout.on('data', (lines: Buffer) => {
    for (const line of lines.toString().split('\n')) {
      if (line !== '') heard(Number(line.split(' ', 1)[0]) * 1000);
    }
  });
  await once(tcpdump.stderr, 'data');
  await sleep(300);
  return tcpdump;
}

/** Resident memory and the part of it that is the process's own, in MB (proc_pid_status(5)). */
function memoryOf(pid: number): { resident: number; own: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (name: string): number =>
    Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
  return { resident: megabytes('VmRSS'), own: megabytes('RssAnon') };
}

async function measureStart(config: string, wire: { firstAt: number | undefined }, rounds: Rounds) {
  wire.firstAt = undefined;
  const began = performance.timeOrigin + performance.now();
  const daemon = spawn(process.execPath, ['bin/fairlead.cjs', 'run', '-c', config], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await sleep(IDLE_MS);
  invariant(wire.firstAt !== undefined && daemon.pid !== undefined, 'the VIP was announced');
  addRound(rounds, 'start to first announcement, ms', wire.firstAt - began);
  const { resident, own } = memoryOf(daemon.pid);
  addRound(rounds, 'resident memory when idle, MB', resident);
  addRound(rounds, 'of it private, MB', own);
  daemon.kill('SIGTERM');
  await once(daemon, 'exit');
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '10' } } });
const folder = mkdtempSync(path.join(os.tmpdir(), 'fairlead-bench-'));
const segment = await openSegment('bench');
const kernel = new Kernel();
const address = parseIpAddress('192.0.2.1');
invariant(address !== undefined, 'it is one');
const own = { linkIndex: segment.link.index, link: segment.link.name, address, prefixLength: 24 };
await kernel.addAddresses([{ ...own, validSeconds: -1 }], Infinity);
const wire: { firstAt: number | undefined } = { firstAt: undefined };
const tcpdump = await watchWire(segment, (at) => {
  wire.firstAt ??= at;
});
const rounds: Rounds = new Map();
const config = configFile(folder, segment.link.name);
for (let round = 0; round < Number(values.rounds); round += 1) {
  await measureStart(config, wire, rounds);
}
tcpdump.kill();
kernel.close();
await segment.close();
rmSync(folder, { recursive: true });
printRounds(rounds, 'daemon');
