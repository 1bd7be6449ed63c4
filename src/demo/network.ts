/**
 * A network of namespaces on this machine, as the demo and the lab use it:
 *
 *     node-1   node-2   node-3   client   backends
 *       eth0     eth0     eth0     eth0     eth0        one end of a veth pair, in a namespace each
 *       |        |        |        |        |
 *     --+--------+--------+--------+--------+--         a bridge, in the namespace `switch`
 *
 * The three backends share a namespace and have an address each. With two segments, everyone has an
 * `eth1` besides, on a second bridge.
 */

import { type IpAddress, parseIpAddress } from '../core/address/ip.ts';
import { invariant } from '../core/invariant.ts';
import type { KernelHandle, NativeBinding } from '../dataplane/binding.ts';
import { KernelError, kernelErrorOf } from '../dataplane/errors.ts';
import { holdNamespace, type Namespace } from './namespace.ts';

export type Segment = 0 | 1;

/** What each segment's addresses begin with: RFC 5737 §3, RFC 3849. */
const SEGMENTS = [
  { ipv4: '192.0.2.', ipv6: '2001:db8::' },
  { ipv4: '198.51.100.', ipv6: '2001:db8:1::' },
] as const;

export type AddressFamily = 'ipv4' | 'ipv6';

const PREFIX_LENGTHS = { ipv4: 24, ipv6: 64 } as const;

/** The last part of addresses: node n has FIRST_NODE + n. */
const FIRST_NODE = 11;
const FIRST_BACKEND = 21;
const CLIENT = 50;
const VIP = 100;

export const BACKEND_COUNT = 3;

export interface NetworkOptions {
  /** From 1 to 7. */
  readonly nodes: number;
  /** Which addresses everybody has. Default: IPv4. */
  readonly families?: readonly AddressFamily[];
  /** How many bridges. Default: 1. */
  readonly segments?: 1 | 2;
}

/** Someone in the network: a namespace, and the addresses that it has for good. */
export interface Station extends Namespace {
  /** In the order of segments, then families. */
  readonly addresses: readonly StationAddress[];
}

export interface StationAddress {
  readonly segment: Segment;
  readonly address: IpAddress;
  readonly prefixLength: number;
}

export interface Network {
  /** Where the bridges are: `br0`, `br1`. */
  readonly middle: Namespace;
  readonly nodes: readonly Station[];
  readonly client: Station;
  readonly backends: Station;
  /** Gives everyone their addresses. Not done at first, so that a referee can see them come. */
  addAddresses(station: Station): Promise<void>;
  /** Pulls a node's cable out of the bridge, or puts it back: the node loses its carrier. */
  setPlugged(station: Station, plugged: boolean, segment?: Segment): Promise<void>;
  /** Makes a node's veth anew, after it was deleted. It has no addresses then. */
  replug(station: Station, segment?: Segment): Promise<void>;
  close(): Promise<void>;
}

/** The address of a VIP: one for each segment and family. */
export function vipAddress(family: AddressFamily = 'ipv4', segment: Segment = 0): IpAddress {
  return addressOf(segment, family, VIP);
}

function addressOf(segment: Segment, family: AddressFamily, host: number): IpAddress {
  const address = parseIpAddress(`${SEGMENTS[segment][family]}${host}`);
  invariant(address !== undefined, 'a segment and a host make an address');
  return address;
}

/**
 * Makes the namespaces, bridges and veths, all links up, no addresses yet.
 *
 * @param netns the `fairlead-netns` executable.
 * @throws {OperationalError} when the kernel refuses.
 */
export async function createNetwork(
  binding: NativeBinding,
  netns: string,
  options: NetworkOptions,
): Promise<Network> {
  const { nodes, families = ['ipv4'], segments = 1 } = options;
  const held: Namespace[] = [];
  const hold = async (name: string): Promise<Namespace> => {
    const namespace = await holdNamespace(netns, name);
    held.push(namespace);
    return namespace;
  };
  const close = async (): Promise<void> => {
    await Promise.all(held.map((namespace) => namespace.close()));
  };
  const numbers: readonly Segment[] = segments === 2 ? [0, 1] : [0];
  try {
    const middle = await hold('switch');
    for (const segment of numbers) await makeBridge(binding, middle, segment);
    const join = async (name: string, hosts: readonly number[]): Promise<Station> => {
      const namespace = await hold(name);
      for (const segment of numbers) await plugIn(binding, middle, namespace, segment);
      return { ...namespace, addresses: addressesOf(hosts, numbers, families) };
    };
    const stations: Station[] = [];
    for (let n = 0; n < nodes; n += 1) stations.push(await join(`node-${n + 1}`, [FIRST_NODE + n]));
    const client = await join('client', [CLIENT]);
    const hosts = Array.from({ length: BACKEND_COUNT }, (_, n) => FIRST_BACKEND + n);
    const backends = await join('backends', hosts);
    return {
      middle,
      nodes: stations,
      client,
      backends,
      addAddresses: (station) => addStationAddresses(binding, station),
      setPlugged: (station, plugged, segment = 0) =>
        setLink(binding, middle, portName(station, segment), plugged),
      replug: (station, segment = 0) => plugIn(binding, middle, station, segment),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function addressesOf(
  hosts: readonly number[],
  segments: readonly Segment[],
  families: readonly AddressFamily[],
): readonly StationAddress[] {
  return segments.flatMap((segment) =>
    families.flatMap((family) =>
      hosts.map((host) => ({
        segment,
        address: addressOf(segment, family, host),
        prefixLength: PREFIX_LENGTHS[family],
      })),
    ),
  );
}

/**
 * The bridge's end of a station's cable. A link's name has at most 15 bytes (IFNAMSIZ, net/if.h).
 */
function portName({ name }: Namespace, segment: Segment): string {
  return `${name}.${segment}`;
}

/** Runs `work` with a handle on the kernel in `namespace`; what it refuses is told as `action`. */
async function inKernel<T>(
  binding: NativeBinding,
  namespace: Namespace,
  action: string,
  work: (kernel: KernelHandle) => Promise<T>,
): Promise<T> {
  const kernel = binding.openKernel({ netns: namespace.path });
  try {
    return await work(kernel);
  } catch (error) {
    throw kernelErrorOf(`${action} in "${namespace.name}"`, error);
  } finally {
    binding.closeKernel(kernel);
  }
}

async function makeBridge(
  binding: NativeBinding,
  middle: Namespace,
  segment: Segment,
): Promise<void> {
  const name = `br${segment}`;
  await inKernel(binding, middle, 'make a bridge', async (kernel) => {
    await binding.createBridge(kernel, { name });
    await binding.setLink(kernel, { name, up: true });
  });
}

async function plugIn(
  binding: NativeBinding,
  middle: Namespace,
  namespace: Namespace,
  segment: Segment,
): Promise<void> {
  const name = portName(namespace, segment);
  const peerName = `eth${segment}`;
  await inKernel(binding, middle, `plug in "${name}"`, async (kernel) => {
    await binding.createVeth(kernel, { name, peerName, peerNetns: namespace.path });
    await binding.setLink(kernel, { name, master: `br${segment}`, up: true });
  });
  await setLink(binding, namespace, peerName, true);
}

async function setLink(
  binding: NativeBinding,
  namespace: Namespace,
  name: string,
  up: boolean,
): Promise<void> {
  await inKernel(binding, namespace, `set "${name}"`, (kernel) =>
    binding.setLink(kernel, { name, up }),
  );
}

async function addStationAddresses(binding: NativeBinding, station: Station): Promise<void> {
  await inKernel(binding, station, 'bind addresses', async (kernel) => {
    const links = new Map((await binding.listLinks(kernel)).map((link) => [link.name, link.index]));
    const requests = station.addresses.map(({ segment, address, prefixLength }) => ({
      link: links.get(`eth${segment}`) ?? 0,
      address,
      prefixLength,
      validSeconds: -1,
      tagged: false,
    }));
    const failures = await binding.addAddresses(kernel, requests, { notAfterMs: Infinity });
    const failure = failures.find((result) => result !== null);
    if (failure) throw new KernelError(`give "${station.name}" its addresses`, failure);
  });
}
