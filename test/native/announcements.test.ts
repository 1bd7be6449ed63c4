import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect } from 'vitest';
import { type IpAddress, parseIpAddress } from '../../src/core/address/ip.ts';
import { loadBinding } from '../../src/dataplane/binding.ts';
import { Kernel } from '../../src/dataplane/kernel.ts';
import type { AnnouncementRequest } from '../../src/dataplane/neighbors.ts';
import { inNamespaces, needsNamespaces } from '../lab/namespaces.ts';
import { openSegment, type Segment } from '../lab/segment.ts';

// The client is the kernel at the far end: it has an entry for the VIP and shows whom it believes.

let segment: Segment;
let kernel: Kernel;

beforeAll(async () => {
  if (!inNamespaces) return;
  segment = await openSegment('announce');
  kernel = new Kernel();
});

afterAll(async () => {
  if (!inNamespaces) return;
  kernel.close();
  await segment.close();
});

const OLD = '02:00:00:00:00:0a';
const NEW = '02:00:00:00:00:0b';

function announcement(text: string, more: Partial<AnnouncementRequest> = {}): AnnouncementRequest {
  const address: IpAddress | undefined = parseIpAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  const { index: linkIndex, name: link } = segment.link;
  return { linkIndex, link, address, mac: NEW, router: false, ...more };
}

function ipThere(...command: readonly string[]): string {
  const [executable, ...rest] = segment.far.inside(['ip', ...command]);
  return execFileSync(executable, rest, { encoding: 'utf8' });
}

/** Makes the client believe that the VIP is at OLD, learned just now. */
function teach(address: string): void {
  ipThere('neigh', 'replace', address, 'lladdr', OLD, 'nud', 'reachable', 'dev', 'announce-far');
}

function believed(address: string): string | undefined {
  return /lladdr ([0-9a-f:]+)/.exec(ipThere('neigh', 'show', address))?.[1];
}

for (const address of ['192.0.2.40', '2001:db8::40']) {
  needsNamespaces(
    `a client with a fresh entry for ${address} learns the new place at once`,
    async () => {
      teach(address);
      expect(believed(address)).toBe(OLD);
      await kernel.announce([announcement(address)], Infinity);
      await expect.poll(() => believed(address), { timeout: 500, interval: 10 }).toBe(NEW);
    },
  );
}

for (const address of ['192.0.2.41', '2001:db8::41']) {
  needsNamespaces(`nothing is announced for ${address} after the deadline`, async () => {
    teach(address);
    const past = loadBinding().bootTimeMs() - 1;
    await expect(kernel.announce([announcement(address)], past)).rejects.toMatchObject({
      message: `Cannot announce ${address} on "announce": sendmmsg failed with ETIME`,
      code: 'ETIME',
    });
    await sleep(50);
    expect(believed(address)).toBe(OLD);
  });
}

needsNamespaces('the Router flag is told as it was given', async () => {
  const address = '2001:db8::42';
  teach(address);
  await kernel.announce([announcement(address, { router: true })], Infinity);
  await expect.poll(() => ipThere('neigh', 'show', address)).toMatch(/0b router/);
  await kernel.announce([announcement(address)], Infinity);
  await expect.poll(() => ipThere('neigh', 'show', address)).not.toMatch(/router/);
});

needsNamespaces('what one link refuses does not hold up the others', async () => {
  const address = '192.0.2.43';
  teach(address);
  const gone = { linkIndex: 9999, link: 'gone0' };
  const requests = [
    announcement('192.0.2.44', gone),
    announcement('2001:db8::44', gone),
    announcement(address),
  ];
  await expect(kernel.announce(requests, Infinity)).rejects.toMatchObject({
    message: 'Cannot announce 192.0.2.44 on "gone0" and 1 more: sendmmsg failed with ENXIO',
    hint: 'Check that the interface exists: ip link',
  });
  await expect.poll(() => believed(address)).toBe(NEW);
});

needsNamespaces('a link that is down is named', async () => {
  const binding = loadBinding();
  const handle = binding.openKernel({});
  await binding.setLink(handle, { name: 'announce', up: false });
  await expect(kernel.announce([announcement('192.0.2.45')], Infinity)).rejects.toMatchObject({
    code: 'ENETDOWN',
    hint: 'Set the interface up: ip link set INTERFACE up',
  });
  await binding.setLink(handle, { name: 'announce', up: true });
  binding.closeKernel(handle);
});

/** How many frames the client has received. */
function arrived(): number {
  const counters = JSON.parse(ipThere('-s', '-j', 'link', 'show', 'announce-far'));
  return Number(counters[0].stats64.rx.packets);
}

needsNamespaces('10,000 announcements arrive, two frames each', async () => {
  const before = arrived();
  const requests = Array.from({ length: 10_000 }, (_, i) =>
    announcement(`10.11.${i >> 8}.${i & 255}`),
  );
  await kernel.announce(requests, Infinity);
  await expect.poll(() => arrived() - before).toBeGreaterThanOrEqual(20_000);
});
