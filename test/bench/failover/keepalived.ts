import { type ChildProcess, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadBinding, nativeExecutable } from '../../../src/dataplane/binding.ts';
import { exitOf } from '../../../src/demo/child-exit.ts';
import { holdingsOf } from '../../../src/demo/holding.ts';
import {
  createNetwork,
  type Network,
  type Station,
  vipAddress,
} from '../../../src/demo/network.ts';
import { run } from '../../lab/on-stage.ts';
import { type Contender, childrenOf, cutOff } from './contender.ts';
import type { Fault } from './fault.ts';
import { type Referees, startReferees } from './referees.ts';

/**
 * It has no daemon beside its daemon, and no command to hand over. Killed and frozen it is with all
 * its processes, as a service is.
 */
const FAULTS = ['stop', 'kill', 'freeze', 'unplug', 'gone'] as const;

type KnownFault = (typeof FAULTS)[number];

const VIP = vipAddress();
const WHOLE_LIMIT_MS = 15_000;
const POLL_INTERVAL_MS = 20;

/** Three nodes with keepalived, below `folder`. */
export async function createKeepalived(folder: string, advertSeconds: number): Promise<Contender> {
  if (spawnSync('keepalived', ['--version']).error !== undefined) {
    throw new Error('keepalived not found; run: apt-get install keepalived');
  }
  const name = `keepalived ${advertSeconds} s`;
  const directory = path.join(folder, name.replaceAll(' ', '-'));
  mkdirSync(directory);
  const ends: (() => void)[] = [];
  const network = await createNetwork(loadBinding(), nativeExecutable('fairlead-netns'), {
    nodes: 3,
  });
  for (const station of [...network.nodes, network.client]) await network.addAddresses(station);
  const referees = await startReferees(network, VIP, (end) => ends.push(end));
  const nodes = network.nodes.map(
    (station, rank) => new KeepalivedNode(station, directory, { rank, advertSeconds }),
  );
  const calmMs = 1500 * advertSeconds + 200;
  const untilWhole = () => untilOneHolder(referees, calmMs);
  const find = (wanted: string): KeepalivedNode => {
    const node = nodes.find(({ station }) => station.name === wanted);
    if (node === undefined) throw new Error(`${wanted} is no node`);
    return node;
  };
  return {
    name,
    faults: FAULTS,
    referees,
    start: async () => {
      for (const node of nodes) node.start();
      if (!(await untilWhole())) throw new Error(`no node of ${name} took the VIP`);
    },
    strike: (fault, node) => find(node).strike(known(fault), network),
    heal: (fault, node) => find(node).heal(known(fault), network),
    untilWhole,
    accidents: () => [],
    state: async () => JSON.stringify(holdingsOf(referees.holding()).slice(-3)),
    close: async () => {
      for (const end of ends) end();
      await Promise.all(nodes.map((node) => node.kill()));
      await network.close();
    },
  };
}

function known(fault: Fault): KnownFault {
  const found = FAULTS.find((one) => one === fault);
  if (found === undefined) throw new Error(`keepalived has no "${fault}"`);
  return found;
}

/** Waits until one node has the VIP, and that for `calmMs`. */
async function untilOneHolder(referees: Referees, calmMs: number): Promise<boolean> {
  const deadline = Date.now() + WHOLE_LIMIT_MS;
  let since = Date.now();
  while (Date.now() - since < calmMs) {
    if (Date.now() > deadline) return false;
    await sleep(POLL_INTERVAL_MS);
    const holders = holdingsOf(referees.holding()).filter(({ until }) => until === undefined);
    if (holders.length !== 1) since = Date.now();
  }
  return true;
}

class KeepalivedNode {
  readonly station: Station;
  readonly #command: readonly string[];
  readonly #log: string;
  #child: ChildProcess | undefined;

  constructor(
    station: Station,
    directory: string,
    { rank, advertSeconds }: { readonly rank: number; readonly advertSeconds: number },
  ) {
    this.station = station;
    const file = (suffix: string): string => path.join(directory, `${station.name}.${suffix}`);
    this.#log = file('log');
    writeFileSync(file('conf'), configuration(station.name, 110 - 5 * rank, advertSeconds));
    const pidFiles = ['-p', file('pid'), '-r', file('vrrp.pid')];
    this.#command = ['keepalived', '-P', '-n', '-l', '-f', file('conf'), ...pidFiles];
  }

  start(): void {
    const log = openSync(this.#log, 'a');
    this.#child = this.station.spawn(this.#command, ['ignore', log, log]);
    closeSync(log);
  }

  /** With the process that it has for VRRP. */
  #processes(): readonly number[] {
    const pid = this.#child?.pid;
    if (pid === undefined || this.#child?.exitCode !== null) return [];
    return [...childrenOf(pid), pid];
  }

  #signal(signal: NodeJS.Signals): void {
    for (const pid of this.#processes()) process.kill(pid, signal);
  }

  /** The parent first: it would start the other again. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    for (const pid of this.#processes().toReversed()) process.kill(pid, 'SIGKILL');
    await exitOf(child);
  }

  async strike(fault: KnownFault, network: Network): Promise<void> {
    switch (fault) {
      case 'stop':
        this.#child?.kill('SIGTERM');
        if (this.#child !== undefined) await exitOf(this.#child);
        return;
      case 'freeze':
        this.#signal('SIGSTOP');
        return;
      case 'unplug':
        await network.setPlugged(this.station, false);
        return;
      case 'gone':
        await Promise.all([this.kill(), cutOff(this.station)]);
        return;
      case 'kill':
        await this.kill();
        return;
    }
  }

  async heal(fault: KnownFault, network: Network): Promise<void> {
    switch (fault) {
      case 'freeze':
        this.#signal('SIGCONT');
        return;
      case 'unplug':
        await network.setPlugged(this.station, true);
        return;
      case 'gone':
        await network.replug(this.station);
        await network.addAddresses(this.station);
        this.start();
        return;
      case 'kill':
        await run(this.station, 'ip', 'address', 'delete', `${VIP}/32`, 'dev', 'eth0');
        this.start();
        return;
      case 'stop':
        this.start();
        return;
    }
  }
}

/** As its manual page would have it; sub-second intervals need version 3 (keepalived.conf(5)). */
function configuration(node: string, priority: number, advertSeconds: number): string {
  return `global_defs {
    router_id ${node}
    vrrp_version 3
}
vrrp_instance vip {
    state BACKUP
    nopreempt
    interface eth0
    virtual_router_id 51
    priority ${priority}
    advert_int ${advertSeconds}
    virtual_ipaddress {
        ${VIP}/32
    }
}
`;
}
