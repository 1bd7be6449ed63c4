// How long the kernel takes to bind, refresh, list and delete addresses and to send announcements
// through the addon, and `ip -batch` in turn with it where that is installed, so that what else the
// machine does falls on both. Each round has a new veth between two networks: after a large
// deletion IPv6 is slower on the same link (docs/benchmarks.md). `npm run bench:addresses [--
// --rounds N]`
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { type IpAddress, parseIpAddress } from '../../src/core/address/ip.ts';
import { invariant } from '../../src/core/invariant.ts';
import { type AddressRequest, Kernel, type Link } from '../../src/dataplane/kernel.ts';
import { openSegment, type Segment } from '../lab/segment.ts';
import { addRound, printRounds, type Rounds } from './rounds.ts';

type Family = 'ipv4' | 'ipv6';

function addressNumber(i: number, family: Family): IpAddress {
  const text =
    family === 'ipv4' ? `10.20.${i >> 8}.${i & 255}` : `fd00:fa::${(i + 1).toString(16)}`;
  const address = parseIpAddress(text);
  invariant(address !== undefined, `${text} is an address`);
  return address;
}

function requestsOn(link: Link, count: number, family: Family): AddressRequest[] {
  return Array.from({ length: count }, (_, i) => ({
    linkIndex: link.index,
    link: link.name,
    address: addressNumber(i, family),
    prefixLength: family === 'ipv4' ? 32 : 128,
    validSeconds: 3600,
  }));
}

async function timed(rounds: Rounds, name: string, work: () => unknown): Promise<void> {
  const begin = performance.now();
  await work();
  addRound(rounds, name, performance.now() - begin);
}

function expectNone(failures: readonly (Error | undefined)[]): void {
  const failure = failures.find((item) => item !== undefined);
  if (failure !== undefined) throw failure;
}

async function measureAddresses(
  kernel: Kernel,
  link: Link,
  count: number,
  family: Family,
  rounds: Rounds,
): Promise<void> {
  const requests = requestsOn(link, count, family);
  const bind = async () => expectNone(await kernel.addAddresses(requests, Infinity));
  const remove = async () => expectNone(await kernel.deleteAddresses(requests));
  const subject = `${count} ${family}`;
  await timed(rounds, `bind ${subject}`, bind);
  await timed(rounds, `refresh ${subject}`, bind);
  await timed(rounds, `list ${subject}`, () => kernel.addresses());
  await timed(rounds, `delete ${subject}`, remove);
}

/** The same by iproute2: one process that reads its commands from stdin. */
async function measureIpBatch(
  link: Link,
  count: number,
  family: Family,
  rounds: Rounds,
): Promise<void> {
  if (spawnSync('ip', ['-V']).status !== 0) return;
  const run = (verb: 'add' | 'del') => {
    const input = requestsOn(link, count, family)
      .map(({ address, prefixLength }) => {
        return `address ${verb} ${address}/${prefixLength} dev ${link.name}\n`;
      })
      .join('');
    return () => {
      const { status, stderr } = spawnSync('ip', ['-batch', '-'], { input, encoding: 'utf8' });
      if (status !== 0) throw new Error(`ip -batch: ${stderr}`);
    };
  };
  const subject = `${count} ${family}, ip -batch`;
  await timed(rounds, `bind ${subject}`, run('add'));
  await timed(rounds, `delete ${subject}`, run('del'));
}

async function measureAnnouncements(
  kernel: Kernel,
  link: Link,
  count: number,
  family: Family,
  rounds: Rounds,
): Promise<void> {
  const requests = requestsOn(link, count, family).map(({ linkIndex, link: name, address }) => {
    return { linkIndex, link: name, address, mac: link.mac, router: false };
  });
  const frames = family === 'ipv4' ? 2 * count : count;
  const name = `announce ${count} ${family}, ${frames} frames`;
  await timed(rounds, name, () => kernel.announce(requests, Infinity));
}

/** A VIP of IPv4 is announced by two frames, one of IPv6 by one. */
const ANNOUNCED = [
  [5000, 'ipv4'],
  [10_000, 'ipv4'],
  [10_000, 'ipv6'],
] as const;

const SUBJECTS = [
  [1, 'ipv4'],
  [1, 'ipv6'],
  [1000, 'ipv4'],
  [1000, 'ipv6'],
  [10_000, 'ipv4'],
] as const;

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' } } });
const kernel = new Kernel();
const rounds: Rounds = new Map();
let segment: Segment = await openSegment('bench');
for (let round = 0; round < Number(values.rounds); round += 1) {
  for (const [count, family] of SUBJECTS) {
    segment = await segment.relay();
    await measureAddresses(kernel, segment.link, count, family, rounds);
    segment = await segment.relay();
    await measureIpBatch(segment.link, count, family, rounds);
  }
  for (const [count, family] of ANNOUNCED) {
    await measureAnnouncements(kernel, segment.link, count, family, rounds);
  }
}
await segment.close();
kernel.close();
printRounds(rounds, 'ms');
