import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { HoldingChange } from '../../src/demo/holding.ts';
import type { Namespace } from '../../src/demo/namespace.ts';

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
  stop(): void;
}

/**
 * Starts `ip -ts monitor all-nsid address` where the veths of all networks end. One process for all:
 * several would print times of their own, and could not tell which of two changes came first.
 *
 * @param names - Which address tells which network: the first one that it is bound in.
 */
export async function startIpMonitor(
  middle: Namespace,
  names: ReadonlyMap<string, string>,
): Promise<IpMonitor> {
  const [executable, ...rest] = middle.inside([
    'ip',
    '-ts',
    '-oneline',
    'monitor',
    'all-nsid',
    'address',
  ]);
  const child = spawn(executable, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  const changes: PrintedChange[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const change = parsePrintedChange(line);
    if (change !== undefined) changes.push(change);
  });
  await new Promise((resolve) => child.once('spawn', resolve));
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
    stop: () => void child.kill(),
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
