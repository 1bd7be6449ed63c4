import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect } from 'vitest';
import { type IpAddress, parseIpAddress } from '../../src/core/address/ip.ts';
import { loadBinding } from '../../src/dataplane/binding.ts';
import { type AddressRequest, type BoundAddress, Kernel } from '../../src/dataplane/kernel.ts';
import { inNamespaces, needsNamespaces } from '../lab/namespaces.ts';
import { openSegment, type Segment } from '../lab/segment.ts';

let segment: Segment;
let kernel: Kernel;

beforeAll(async () => {
  if (!inNamespaces) return;
  segment = await openSegment('kernel');
  kernel = new Kernel();
});

afterAll(async () => {
  if (!inNamespaces) return;
  kernel.close();
  await segment.close();
});

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

function onLink(text: string, more: Partial<AddressRequest> = {}): AddressRequest {
  return {
    linkIndex: segment.link.index,
    link: segment.link.name,
    address: ip(text),
    prefixLength: text.includes(':') ? 128 : 32,
    validSeconds: -1,
    ...more,
  };
}

/** What the kernel has of the address, whatever link it is on. */
async function found(text: string): Promise<BoundAddress | undefined> {
  return (await kernel.addresses()).find((item) => item.address === text);
}

/** Our addresses on the link: other tests may have left some on lo that are about to end. */
async function ours(): Promise<readonly BoundAddress[]> {
  const all = await kernel.addresses();
  return all.filter((item) => item.tagged && item.linkIndex === segment.link.index);
}

const BOTH = ['192.0.2.10', '2001:db8::10'];
const NO_LINK = { linkIndex: 9999, link: 'gone0' };

needsNamespaces('links() tells a link by what the daemon asks of it', async () => {
  const links = await kernel.links();
  expect(links.find((link) => link.name === 'lo')).toMatchObject({ loopback: true, mtu: 65_536 });
  expect(links.find((link) => link.name === 'kernel')).toMatchObject({
    mac: expect.stringMatching(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/),
    up: true,
    carrier: true,
    loopback: false,
    mtu: 1500,
    master: 0,
    ipv6Forwarding: false,
  });
});

needsNamespaces('links() shows the Router flag that the link advertises', async () => {
  execFileSync('sh', ['-c', 'echo 1 > /proc/sys/net/ipv6/conf/kernel/forwarding']);
  const link = (await kernel.links()).find(({ name }) => name === 'kernel');
  expect(link?.ipv6Forwarding).toBe(true);
  execFileSync('sh', ['-c', 'echo 0 > /proc/sys/net/ipv6/conf/kernel/forwarding']);
});

needsNamespaces(
  'addAddresses() binds with our tag, for the time asked, usable at once',
  async () => {
    const requests = BOTH.map((text) => onLink(text, { validSeconds: 60 }));
    expect(await kernel.addAddresses(requests, Infinity)).toEqual([undefined, undefined]);
    for (const text of BOTH) {
      const bound = await found(text);
      expect(bound).toMatchObject({
        linkIndex: segment.link.index,
        tagged: true,
        tentative: false,
        dadFailed: false,
      });
      expect(bound?.validSeconds).toBeGreaterThanOrEqual(59);
      expect(bound?.validSeconds).toBeLessThanOrEqual(60);
    }
    await kernel.deleteAddresses(requests);
  },
);

needsNamespaces('addAddresses() of what is bound keeps the tag and moves the end', async () => {
  const bind = (validSeconds: number) =>
    kernel.addAddresses(
      BOTH.map((text) => onLink(text, { validSeconds })),
      Infinity,
    );
  await bind(5);
  expect(await bind(500)).toEqual([undefined, undefined]);
  for (const text of BOTH) {
    expect(await found(text)).toMatchObject({ tagged: true, tentative: false });
    expect((await found(text))?.validSeconds).toBeGreaterThan(490);
  }
  expect(await bind(-1)).toEqual([undefined, undefined]);
  for (const text of BOTH) {
    expect(await found(text)).toMatchObject({ tagged: true, validSeconds: -1 });
  }
  await kernel.deleteAddresses(BOTH.map((text) => onLink(text)));
});

needsNamespaces('a lifetime that is not renewed ends in the kernel', async () => {
  await kernel.addAddresses(
    BOTH.map((text) => onLink(text, { validSeconds: 1 })),
    Infinity,
  );
  const begin = performance.now();
  const gone = new Map<string, number>();
  while (gone.size < BOTH.length && performance.now() - begin < 5000) {
    const bound = new Set((await kernel.addresses()).map((item) => String(item.address)));
    for (const text of BOTH) {
      if (!bound.has(text) && !gone.has(text)) gone.set(text, performance.now() - begin);
    }
    await sleep(20);
  }
  // The kernel's timers are coarse: fencing measured 1.04 to 1.2 s, and a busy machine adds to it.
  for (const text of BOTH) {
    expect(gone.get(text)).toBeGreaterThan(900);
    expect(gone.get(text)).toBeLessThan(2500);
  }
});

needsNamespaces('an IPv6 VIP is no source for the connections of the node itself', async () => {
  await kernel.addAddresses([onLink('2001:db8::10')], Infinity);
  const shown = execFileSync('ip', ['-6', '-oneline', 'address', 'show', 'dev', 'kernel'], {
    encoding: 'utf8',
  });
  expect(shown).toMatch(/2001:db8::10\/128 scope global (?:nodad )?deprecated/);
  await kernel.deleteAddresses([onLink('2001:db8::10')]);
});

needsNamespaces('a VIP that was there before takes no address of its subnet with it', async () => {
  const vip = onLink('198.51.100.10', { prefixLength: 24 });
  for (const bind of [
    () => kernel.addAddresses([vip], Infinity),
    // By somebody else, with whatever the link was set to then.
    async () => execFileSync('ip', ['address', 'add', '198.51.100.10/24', 'dev', 'kernel']),
  ]) {
    writeFileSync('/proc/sys/net/ipv4/conf/kernel/promote_secondaries', '0');
    await bind();
    execFileSync('ip', ['address', 'add', '198.51.100.1/24', 'dev', 'kernel']);
    await kernel.deleteAddresses([vip]);
    expect(await found('198.51.100.10')).toBeUndefined();
    expect(await found('198.51.100.1')).toBeDefined();
    execFileSync('ip', ['address', 'delete', '198.51.100.1/24', 'dev', 'kernel']);
  }
});

needsNamespaces('deleteAddresses() succeeds for what is not there', async () => {
  const requests = [...BOTH.map((text) => onLink(text)), onLink('192.0.2.99', NO_LINK)];
  expect(await kernel.deleteAddresses(requests)).toEqual([undefined, undefined, undefined]);
});

needsNamespaces('one refused element of a large batch leaves the others done', async () => {
  const requests = Array.from({ length: 700 }, (_, i) =>
    onLink(`10.7.${i >> 8}.${i & 255}`, i === 333 ? NO_LINK : {}),
  );
  const failures = await kernel.addAddresses(requests, Infinity);
  expect(failures.flatMap((failure, i) => (failure === undefined ? [] : [i]))).toEqual([333]);
  expect(failures[333]).toMatchObject({
    code: 'ENODEV',
    errno: 19,
    syscall: 'RTM_NEWADDR',
    hint: 'Check that the interface exists: ip link',
  });
  expect(failures[333]?.message).toMatch(
    /^Cannot bind 10\.7\.1\.77\/32 to "gone0": RTM_NEWADDR failed with ENODEV/,
  );
  expect(await ours()).toHaveLength(699);
  await kernel.deleteAddresses(requests);
});

needsNamespaces('a batch of refusals only comes back whole', async () => {
  const requests = Array.from({ length: 3000 }, (_, i) =>
    onLink(`10.7.${i >> 8}.${i & 255}`, NO_LINK),
  );
  const failures = await kernel.addAddresses(requests, Infinity);
  expect(failures.every((failure) => failure?.code === 'ENODEV')).toBe(true);
});

needsNamespaces('addAddresses() sends nothing after the deadline', async () => {
  const past = loadBinding().bootTimeMs() - 1;
  const [failure] = await kernel.addAddresses([onLink('192.0.2.10')], past);
  expect(failure).toMatchObject({ code: 'ETIME', syscall: 'RTM_NEWADDR' });
  expect(await found('192.0.2.10')).toBeUndefined();
});

needsNamespaces('a deadline that passes on the way refuses the rest', async () => {
  const requests = Array.from({ length: 4000 }, (_, i) => onLink(`10.7.${i >> 8}.${i & 255}`));
  const soon = loadBinding().bootTimeMs() + 20;
  const failures = await kernel.addAddresses(requests, soon);
  const bound = failures.filter((failure) => failure === undefined).length;
  expect(bound).toBeLessThan(requests.length);
  expect(failures.findIndex((failure) => failure?.code === 'ETIME')).toBe(bound);
  expect(await ours()).toHaveLength(bound);
  await kernel.deleteAddresses(requests);
});

needsNamespaces('10,000 addresses are bound, listed and deleted', async () => {
  const requests = Array.from({ length: 10_000 }, (_, i) => onLink(`10.8.${i >> 8}.${i & 255}`));
  const failures = await kernel.addAddresses(requests, Infinity);
  expect(failures.filter((failure) => failure !== undefined)).toEqual([]);
  expect(new Set((await ours()).map((item) => item.address)).size).toBe(10_000);
  await kernel.deleteAddresses(requests);
  expect(await ours()).toEqual([]);
});

needsNamespaces('a kernel without IFA_PROTO carries the tag in the label', async () => {
  const binding = loadBinding();
  const old = binding.openKernel({}, { eventBufferBytes: 0, labelTag: true });
  const requests = BOTH.map((address) => ({
    link: segment.link.index,
    address,
    prefixLength: address.includes(':') ? 128 : 32,
    validSeconds: 60,
  }));
  for (let round = 0; round < 2; round += 1) {
    expect(await binding.addAddresses(old, requests, { notAfterMs: Infinity })).toEqual([
      null,
      null,
    ]);
  }
  execFileSync('ip', ['address', 'add', '2001:db8::11/128', 'dev', 'kernel', 'nodad']);
  const bound = new Map(
    (await binding.listAddresses(old)).map((item) => [String(item.address), item.tagged]),
  );
  expect(bound.get('192.0.2.10')).toBe(true);
  // Has no label: it is known by how it is bound, and others bind otherwise.
  expect(bound.get('2001:db8::10')).toBe(true);
  expect(bound.get('2001:db8::11')).toBe(false);
  const shown = execFileSync('ip', ['-4', '-oneline', 'address', 'show', 'dev', 'kernel'], {
    encoding: 'utf8',
  });
  expect(shown).toContain('kernel:fl');
  await binding.deleteAddresses(old, requests);
  execFileSync('ip', ['address', 'delete', '2001:db8::11/128', 'dev', 'kernel']);
  binding.closeKernel(old);
});

needsNamespaces('Kernel names the network that it cannot open', () => {
  expect(() => new Kernel({ netns: '/run/nothing' })).toThrow(
    'Cannot open the network of "/run/nothing": open failed with ENOENT',
  );
  expect(() => new Kernel({ netns: '/dev/null' })).toThrow('setns failed with EINVAL');
});

needsNamespaces('Kernel acts in the network that it was opened for', async () => {
  const there = new Kernel({ netns: segment.far.path });
  const request = { ...onLink('192.0.2.20'), linkIndex: segment.farLink.index };
  expect(await there.addAddresses([request], Infinity)).toEqual([undefined]);
  expect((await there.addresses()).map((item) => item.address)).toContain('192.0.2.20');
  expect(await found('192.0.2.20')).toBeUndefined();
  await there.deleteAddresses([request]);
  there.close();
});

needsNamespaces(
  'without privileges the kernel refuses with EPERM, and we say what to grant',
  () => {
    // In a user namespace of its own the process has no rights over this network.
    const script = `
    const binding = require(${JSON.stringify(`${process.cwd()}/node_modules/node-gyp-build`)})(${JSON.stringify(process.cwd())});
    const kernel = binding.openKernel({});
    const request = { link: 1, address: '192.0.2.10', prefixLength: 32, validSeconds: -1 };
    const frame = { link: 1, mac: '02:00:00:00:00:01', address: '192.0.2.10', router: false };
    (async () => {
      const [bind] = await binding.addAddresses(kernel, [request], { notAfterMs: Infinity });
      const announce = await binding.sendAnnouncements(kernel, [frame], { notAfterMs: Infinity }).catch((err) => err);
      console.log(JSON.stringify([bind, announce].map(({ errno, syscall }) => [errno, syscall])));
    })();`;
    const printed = execFileSync('unshare', ['--user', process.execPath, '-e', script], {
      encoding: 'utf8',
    });
    expect(JSON.parse(printed)).toEqual([
      [1, 'RTM_NEWADDR'],
      [1, 'socket(AF_PACKET)'],
    ]);
  },
);
