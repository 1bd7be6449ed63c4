import { type IpAddress, parseIpAddress } from '../../src/core/address/ip.ts';
import { Kernel } from '../../src/dataplane/kernel.ts';
import type { Stage } from '../../src/demo/stage.ts';

/** A machine that is none of the group, and claims what it likes: the backends' namespace. */
export interface ForeignHost {
  readonly mac: string;
  /** Tells the segment that `address` is here. */
  claim(address: string): Promise<void>;
}

export async function openForeignHost(stage: Stage): Promise<ForeignHost> {
  const kernel = new Kernel({ netns: stage.network.backends.path });
  stage.atClose(() => kernel.close());
  const link = (await kernel.links()).find(({ name }) => name === 'eth0');
  if (link === undefined) throw new Error('the backends have a link');
  const { mac, index: linkIndex, name } = link;
  return {
    mac,
    claim: async (text) => {
      const address: IpAddress | undefined = parseIpAddress(text);
      if (address === undefined) throw new Error(`${text} is no address`);
      await kernel.announce([{ linkIndex, link: name, mac, address, router: false }], Infinity);
    },
  };
}
