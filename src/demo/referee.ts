import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { OperationalError } from '../core/errors.ts';
import type { Instant } from '../core/time.ts';
import { untilReady } from './namespace.ts';

/** One change of an address, as the kernel told it. */
export interface AddressChange {
  readonly at: Instant;
  /** The name of the network that it happened in. */
  readonly network: string;
  readonly address: string;
  readonly prefixLength: number;
  readonly removed: boolean;
}

/** Hears every change of an address in all networks, in the order in which the kernel made them. */
export interface Referee {
  /**
   * Tells the referee that the network in which `address` comes up next is called `name`. The
   * kernel numbers networks, and nothing but what happens in them tells which is which.
   */
  expect(address: string, name: string): Promise<void>;
  close(): void;
}

/**
 * Starts `fairlead-netns watch` in the network that all others are joined to by veths; those must
 * exist already. `onChange` is called for the networks whose names are known.
 *
 * @param onLost called when changes were missed: from then on nothing can be judged.
 */
export async function startReferee(
  inside: readonly [string, ...string[]],
  onChange: (change: AddressChange) => void,
  onLost: (error: OperationalError) => void,
): Promise<Referee> {
  const [executable, ...rest] = inside;
  const child = spawn(executable, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  await untilReady(child, 'watch the networks');
  const names = new Map<string, string>();
  const expected = new Map<string, { readonly name: string; readonly seen: () => void }>();
  let closed = false;
  child.once('exit', (code) => {
    if (closed) return;
    const message = `Cannot judge any more: the referee ended with ${code}`;
    onLost(new OperationalError(message, { code: 'referee-lost' }));
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const change = parseChange(line);
    if (change === undefined) return;
    const awaited = expected.get(change.address);
    if (awaited !== undefined && !change.removed) {
      names.set(change.network, awaited.name);
      expected.delete(change.address);
      awaited.seen();
    }
    const network = names.get(change.network);
    if (network !== undefined) onChange({ ...change, network });
  });
  return {
    expect: (address, name) =>
      new Promise((seen) => {
        expected.set(address, { name, seen });
      }),
    close: () => {
      closed = true;
      child.stdin.end();
    },
  };
}

/** Reads one line of `fairlead-netns watch`; `network` is the kernel's number for it. */
export function parseChange(line: string): AddressChange | undefined {
  const match = /^(\d+) (\S+) (add|delete) (\S+)\/(\d+)$/.exec(line);
  if (match === null) return undefined;
  const [, ns = '', network = '', verb, address = '', prefixLength] = match;
  return {
    at: Number(ns) / 1e6,
    network,
    address,
    prefixLength: Number(prefixLength),
    removed: verb === 'delete',
  };
}
