import { loadBinding, nativeExecutable } from '../../src/dataplane/binding.ts';
import { Kernel, type Link } from '../../src/dataplane/kernel.ts';
import { holdNamespace, type Namespace } from '../../src/demo/namespace.ts';

/** A wire between this network and another that is empty. */
export interface Segment {
  /** The other network. */
  readonly far: Namespace;
  /** Our end. */
  readonly link: Link;
  /** The end in the other network. */
  readonly farLink: Link;
  /** Takes the wire away, with all addresses at its ends, and lays it anew. */
  relay(): Promise<Segment>;
  close(): Promise<void>;
}

/** Lays a veth from this network to a new one, both ends up. */
export async function openSegment(name: string): Promise<Segment> {
  const far = await holdNamespace(nativeExecutable('fairlead-netns'), name);
  return layWire(far, name);
}

async function layWire(far: Namespace, name: string): Promise<Segment> {
  const binding = loadBinding();
  const [here, there] = [binding.openKernel({}), binding.openKernel({ netns: far.path })];
  const farName = `${name}-far`;
  await binding.createVeth(here, { name, peerName: farName, peerNetns: far.path });
  await binding.setLink(there, { name: farName, up: true });
  await binding.setLink(here, { name, up: true });
  const link = await linkNamed(new Kernel(), name);
  const farLink = await linkNamed(new Kernel({ netns: far.path }), farName);
  const cut = async (): Promise<void> => {
    await binding.deleteLink(here, { name });
    binding.closeKernel(here);
    binding.closeKernel(there);
  };
  return {
    far,
    link,
    farLink,
    relay: async () => {
      await cut();
      return layWire(far, name);
    },
    close: async () => {
      await cut();
      await far.close();
    },
  };
}

async function linkNamed(kernel: Kernel, name: string): Promise<Link> {
  const link = (await kernel.links()).find((item) => item.name === name);
  kernel.close();
  if (link === undefined) throw new Error(`no link ${name}`);
  return link;
}
