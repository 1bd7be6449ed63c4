import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HoldingChange } from '../../src/demo/holding.ts';
import type { Stage } from '../../src/demo/stage.ts';

/** One change of an address in any network, as ip(8) printed it. */
interface PrintedChange {
  /** Milliseconds of wall time, with fractions. */
  readonly at: number;
  /** The kernel's number of the network. */
  readonly network: string;
  readonly address: string;
  readonly removed: boolean;
}

/** The referee that is none of ours: `ip -ts monitor address` in all networks at once. */
export interface IpMonitor {
  /** Who got `address` and who lost it, in the kernel's order. Of networks with a known name. */
  holding(address: string): readonly HoldingChange[];
}

/**
 * Starts `ip -ts monitor all-nsid address` where the veths of all networks end. One process for
 * all: several would print times of their own, and could not tell which of two changes came first.
 * It learns which network is which by everybody's own addresses, which are therefore set once more.
 */
export async function startIpMonitor(
  stage: Pick<Stage, 'network' | 'atClose'>,
): Promise<IpMonitor> {
  const [executable, ...rest] = stage.network.middle.inside([
    'ip',
    '-ts',
    '-oneline',
    'monitor',
    'all-nsid',
    'address',
  ]);
  const child = spawn(executable, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  stage.atClose(() => void child.kill());
  const changes: PrintedChange[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const change = parsePrintedChange(line);
    if (change !== undefined) changes.push(change);
  });
  const { nodes, client, backends } = stage.network;
  const stations = [...nodes, client, backends];
  const names = new Map(stations.map(({ name, addresses }) => [addresses[0]?.address ?? '', name]));
  // What it prints of the nodes' addresses tells that it listens, too.
  while (new Set(changes.map((change) => change.network)).size < names.size) {
    for (const station of stations) await stage.network.addAddresses(station);
    await sleep(20);
  }
  return {
    holding: (address) => {
      const networks = new Map<string, string>();
      for (const change of changes) {
        const name = names.get(change.address);
        if (name !== undefined && !networks.has(change.network)) networks.set(change.network, name);
      }
      return changes
        .filter((change) => change.address === address)
        .flatMap(({ at, network, removed }) => {
          const node = networks.get(network);
          return node === undefined ? [] : [{ at, node, held: !removed }];
        });
    },
  };
}

/** Reads one line of `ip -ts -oneline monitor all-nsid address`. */
export function parsePrintedChange(line: string): PrintedChange | undefined {
  const match =
    /^\[(\S+)\.(\d{6})\] \[nsid (\S+)\](Deleted )?\d+: \S+\s+inet6? ([0-9a-f.:]+)\/\d+ /.exec(line);
  if (match === null) return undefined;
  const [, second = '', fraction, network = '', deleted, address = ''] = match;
  const at = new Date(second).getTime() + Number(fraction) / 1000;
  return { at, network, address, removed: deleted !== undefined };
}
