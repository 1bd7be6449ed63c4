import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { type IpAddress, parseIpAddress } from '../../src/core/address/ip.ts';
import { loadBinding, type NativeClaimReport } from '../../src/dataplane/binding.ts';
import { Kernel } from '../../src/dataplane/kernel.ts';
import type { AnnouncementRequest } from '../../src/dataplane/neighbors.ts';
import { inNamespaces, needsNamespaces } from '../lab/namespaces.ts';
import { openSegment, type Segment } from '../lab/segment.ts';

// The foreign machine is a kernel at the far end of a wire, which announces what is ours.

const FOREIGN = '02:00:00:00:00:66';
const OTHER_LINK = '02:00:00:00:00:67';

let segment: Segment;
let kernel: Kernel;
let far: Kernel;
const reports: NativeClaimReport[] = [];

beforeAll(async () => {
  if (!inNamespaces) return;
  segment = await openSegment('claims');
  kernel = new Kernel();
  far = new Kernel({ netns: segment.far.path });
  await kernel.watchClaims((report) => void reports.push(report));
});

afterAll(async () => {
  if (!inNamespaces) return;
  kernel.close();
  far.close();
  await segment.close();
});

// Of the test before, something may still be under way.
beforeEach(async () => {
  do {
    reports.splice(0);
    await sleep(20);
  } while (reports.length > 0);
});

function address(text: string): IpAddress {
  const parsed = parseIpAddress(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}

function watch(...texts: readonly string[]): void {
  const linkIndex = segment.link.index;
  kernel.setWatched(
    texts.map((text) => ({ linkIndex, address: address(text) })),
    [{ mac: segment.link.mac }, { mac: OTHER_LINK }],
  );
}

/** What the foreign machine says: that `text` is at `mac`. */
function claim(text: string, mac = FOREIGN): AnnouncementRequest {
  const { index: linkIndex, name: link } = segment.farLink;
  return { linkIndex, link, address: address(text), mac, router: false };
}

function addressesHeard(): number {
  return new Set(heard().map((each) => each.address)).size;
}

function counted(): number {
  return heard().reduce((sum, { count }) => sum + count, 0);
}

function heard() {
  return reports.flatMap(({ claims }) => claims);
}

for (const vip of ['192.0.2.60', '2001:db8::60']) {
  needsNamespaces(`a foreign claim of ${vip} is heard at once`, async () => {
    watch(vip);
    const before = loadBinding().bootTimeMs();
    await far.announce([claim(vip)], Infinity);
    await expect.poll(heard, { interval: 2 }).not.toEqual([]);
    const [first] = heard();
    expect(first).toMatchObject({ link: segment.link.index, address: vip, mac: FOREIGN });
    // Three times the goal, 50 ms.
    expect((first?.at ?? Infinity) - before).toBeLessThan(150);
  });

  needsNamespaces(`a question for ${vip} claims nothing`, async () => {
    watch(vip);
    await far.probe([claim(vip)], Infinity);
    await sleep(30);
    expect(heard()).toEqual([]);
  });
}

needsNamespaces('what is not watched, or comes from a link of ours, is not heard', async () => {
  watch('192.0.2.61', '2001:db8::61');
  const others = ['192.0.2.62', '2001:db8::62'].map((text) => claim(text));
  const own = ['192.0.2.61', '2001:db8::61'].map((text) => claim(text, OTHER_LINK));
  await far.announce([...others, ...own], Infinity);
  await far.announce([claim('192.0.2.61')], Infinity);
  await expect.poll(heard).not.toEqual([]);
  await sleep(20);
  expect(new Set(heard().map(({ mac }) => mac))).toEqual(new Set([FOREIGN]));
  expect(new Set(heard().map((each) => each.address))).toEqual(new Set(['192.0.2.61']));
});

needsNamespaces('an address is watched on its own link alone', async () => {
  const [vip, elsewhere] = [address('192.0.2.63'), segment.link.index + 1000];
  kernel.setWatched([{ linkIndex: elsewhere, address: vip }], []);
  await far.announce([claim('192.0.2.63')], Infinity);
  await sleep(30);
  expect(heard()).toEqual([]);
  watch();
  await far.announce([claim('192.0.2.63')], Infinity);
  await sleep(30);
  expect(heard()).toEqual([]);
});

needsNamespaces('claims are counted, by machine and address', async () => {
  watch('192.0.2.64');
  // Two frames each.
  for (let i = 0; i < 50; i += 1) await far.announce([claim('192.0.2.64')], Infinity);
  await expect.poll(counted).toBe(100);
});

needsNamespaces('of 1,000 addresses that are claimed every one is heard', async () => {
  const vips = Array.from({ length: 1000 }, (_, i) => `10.13.${i >> 8}.${i & 255}`);
  watch(...vips);
  for (let from = 0; from < vips.length; from += 100) {
    const batch = vips.slice(from, from + 100).map((vip) => claim(vip));
    await far.announce(batch, Infinity);
    await expect.poll(addressesHeard).toBe(from + 100);
  }
});

needsNamespaces(
  'what is beyond the bound is counted, and every claim is one or the other',
  async () => {
    watch('192.0.2.65');
    const macs = Array.from({ length: 6000 }, (_, i) => {
      const [high, low] = [i >> 8, i & 255].map((octet) => octet.toString(16).padStart(2, '0'));
      return `02:00:00:01:${high}:${low}`;
    });
    const binding = loadBinding();
    const handle = binding.openKernel({ netns: segment.far.path });
    const sent = binding.sendAnnouncements(
      handle,
      macs.map((mac) => ({
        link: segment.farLink.index,
        mac,
        address: '192.0.2.65',
        router: false,
      })),
      { notAfterMs: Infinity },
    );
    // The JavaScript thread takes nothing meanwhile, as when it is blocked.
    const until = Date.now() + 300;
    while (Date.now() < until) Math.random();
    await sent;
    binding.closeKernel(handle);
    await expect.poll(() => reports.length).toBeGreaterThan(0);
    expect(reports[0]?.lost).toBeGreaterThan(0);
    expect(reports.every(({ claims }) => claims.length <= 4096)).toBe(true);
    const lost = reports.reduce((sum, report) => sum + report.lost, 0);
    expect(lost + counted()).toBe(12_000);
  },
);

needsNamespaces('claims are watched once', async () => {
  await expect(kernel.watchClaims(() => {})).rejects.toMatchObject({ code: 'EALREADY' });
});
