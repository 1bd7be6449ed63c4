import { afterAll, beforeAll, expect } from 'vitest';
import { loadBinding, type NativeKernelEvent } from '../../src/dataplane/binding.ts';
import { inNamespaces, needsNamespaces } from '../lab/namespaces.ts';
import { openSegment, type Segment } from '../lab/segment.ts';

const binding = inNamespaces ? loadBinding() : undefined;
let segment: Segment;

beforeAll(async () => {
  if (inNamespaces) segment = await openSegment('events');
});

afterAll(async () => {
  if (inNamespaces) await segment.close();
});

/** A watch, and what it has told. */
class Watch {
  readonly binding = binding ?? loadBinding();
  readonly kernel;
  readonly events: NativeKernelEvent[] = [];
  #news: () => void = () => {};

  constructor(eventBufferBytes = 0) {
    this.kernel = this.binding.openKernel({}, { eventBufferBytes, labelTag: false });
    this.binding.watchKernel(this.kernel, (events) => {
      this.events.push(...events);
      this.#news();
    });
  }

  async until(matches: (event: NativeKernelEvent) => boolean): Promise<NativeKernelEvent> {
    for (;;) {
      const event = this.events.find(matches);
      if (event !== undefined) return event;
      await new Promise<void>((resolve) => {
        this.#news = resolve;
      });
    }
  }

  async bind(addresses: readonly string[]): Promise<void> {
    const failures = await this.binding.addAddresses(this.kernel, addresses.map(onLink), {
      notAfterMs: Infinity,
    });
    expect(failures.filter((failure) => failure !== null)).toEqual([]);
  }

  async remove(addresses: readonly string[]): Promise<void> {
    await this.binding.deleteAddresses(this.kernel, addresses.map(onLink));
  }

  close(): void {
    this.binding.closeKernel(this.kernel);
  }
}

function isLater(event: NativeKernelEvent): boolean {
  return event.kind === 'address' && event.address.startsWith('192.0.2.');
}

function onLink(address: string) {
  return {
    link: segment.link.index,
    address,
    prefixLength: address.includes(':') ? 128 : 32,
    validSeconds: -1,
  };
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `10.9.${i >> 8}.${i & 255}`);
}

for (const address of ['192.0.2.30', '2001:db8::30']) {
  needsNamespaces(`watch tells of ${address} bound and deleted by someone else`, async () => {
    const watch = new Watch();
    const other = new Watch();
    const before = watch.binding.bootTimeMs();
    await other.bind([address]);
    const bound = await watch.until((event) => event.kind === 'address' && !event.removed);
    expect(bound).toMatchObject({ link: segment.link.index, address, removed: false });
    await other.remove([address]);
    const gone = await watch.until((event) => event.kind === 'address' && event.removed);
    if (gone.kind !== 'address') throw new Error('it is an address');
    expect(gone.at).toBeGreaterThan(before);
    expect(gone.at).toBeLessThanOrEqual(watch.binding.bootTimeMs());
    watch.close();
    other.close();
  });
}

needsNamespaces('watch tells of a link that goes down, and of one that goes', async () => {
  const watch = new Watch();
  await watch.binding.setLink(watch.kernel, { name: 'events', up: false });
  expect(await watch.until((event) => event.kind === 'link')).toEqual({
    kind: 'link',
    link: segment.link.index,
    removed: false,
  });
  const gone = segment.link.index;
  segment = await segment.relay();
  await watch.until((event) => event.kind === 'link' && event.link === gone && event.removed);
  await watch.until((event) => event.kind === 'link' && event.link === segment.link.index);
  watch.close();
});

needsNamespaces('a port that leaves its bridge is not a link that went', async () => {
  const watch = new Watch();
  const { binding: native, kernel } = watch;
  await native.createBridge(kernel, { name: 'events-br' });
  await native.setLink(kernel, { name: 'events', master: 'events-br' });
  await native.deleteLink(kernel, { name: 'events-br' });
  await watch.until((event) => event.kind === 'link' && event.removed);
  const removed = watch.events.filter((event) => event.kind === 'link' && event.removed);
  expect(removed.map((event) => (event.kind === 'link' ? event.link : 0))).not.toContain(
    segment.link.index,
  );
  watch.close();
});

needsNamespaces('events that come together are told together, one an address', async () => {
  const watch = new Watch();
  const many = numbered(500);
  const done = Promise.all([watch.bind(many), watch.remove(many), watch.bind(many)]);
  // The threads go on while this one does not listen; what they read meanwhile is folded.
  const until = performance.now() + 300;
  while (performance.now() < until);
  await done;
  await watch.until((event) => event.kind === 'address' && event.address === many.at(-1));
  // Other tests may have left addresses on lo that end now.
  const told = watch.events.flatMap((event) =>
    event.kind === 'address' && event.link === segment.link.index ? [event.address] : [],
  );
  expect(new Set(told.filter((address) => address.startsWith('10.9.'))).size).toBe(500);
  expect(told.length).toBeLessThan(1500);
  watch.close();
  segment = await segment.relay();
});

needsNamespaces('a watch that is overrun says so, and goes on', async () => {
  const watch = new Watch(1);
  const other = new Watch();
  await other.bind(numbered(3000));
  // One at a time they may be read as fast as they come; with their link they go all at once.
  segment = await segment.relay();
  expect(await watch.until((event) => event.kind === 'overrun')).toEqual({ kind: 'overrun' });
  // While the reader catches up, its buffer of two events overruns again.
  for (let i = 1; i <= 200 && !watch.events.some(isLater); i += 1) {
    await other.bind([`192.0.2.${i}`]);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(watch.events.some(isLater)).toBe(true);
  watch.close();
  other.close();
  segment = await segment.relay();
});

needsNamespaces('a link is watched once', () => {
  const watch = new Watch();
  expect(() => watch.binding.watchKernel(watch.kernel, () => {})).toThrow('errno 114');
  watch.close();
});
