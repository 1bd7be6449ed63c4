import { type Cidr, cidrContains, parseCidr } from '../address/cidr.ts';
import type { Link, VipProblem, WantedVip, World } from './world.ts';

/** Where a VIP belongs on this machine, or why it has no place. */
export type Placement =
  | { readonly kind: 'placed'; readonly vip: WantedVip; readonly link: Link }
  | { readonly kind: 'unplaced'; readonly problem: VipProblem };

/** A subnet that the machine itself has an address in. */
interface Subnet {
  readonly linkIndex: number;
  readonly cidr: Cidr;
}

/**
 * Finds the link of each VIP: the one that is named, or of those that a subnet or pattern selects
 * the one that shares a subnet with the VIP. A VIP without an interface goes where its subnet is.
 */
export function placeVips(
  world: Pick<World, 'vips' | 'links' | 'addresses'>,
): readonly Placement[] {
  const vips = new Set(world.vips.map((vip) => vip.address));
  const subnets: Subnet[] = [];
  for (const { linkIndex, address, prefixLength, tagged } of world.addresses) {
    // A VIP that is already bound must not vouch for the link that it is on.
    if (tagged || vips.has(address)) continue;
    const cidr = parseCidr(`${address}/${prefixLength}`);
    if (cidr !== undefined) subnets.push({ linkIndex, cidr });
  }
  return world.vips.map((vip) => place(vip, world.links, subnets));
}

function place(vip: WantedVip, links: readonly Link[], subnets: readonly Subnet[]): Placement {
  const sharing = (link: Link): boolean =>
    subnets.some(
      ({ linkIndex, cidr }) => linkIndex === link.index && cidrContains(cidr, vip.address),
    );
  const selected = vip.interface === undefined ? links : select(vip.interface, links, subnets);
  const matching = selected.filter(sharing);
  const candidates = matching.length > 0 || vip.interface === undefined ? matching : selected;
  const [link, second] = candidates;
  if (link === undefined) return unplaced(vip, 'link-missing');
  // Of several none is more right than another, and a wrong guess would announce the VIP on a
  // segment where nobody asks for it.
  if (second !== undefined) return unplaced(vip, 'link-ambiguous');
  return { kind: 'placed', vip, link };
}

function select(
  wanted: string,
  links: readonly Link[],
  subnets: readonly Subnet[],
): readonly Link[] {
  const named = links.filter((link) => link.name === wanted);
  if (named.length > 0) return named;
  const range = parseCidr(wanted);
  if (range === undefined) {
    const pattern = globPattern(wanted);
    return links.filter((link) => pattern.test(link.name));
  }
  return links.filter((link) =>
    subnets.some(
      ({ linkIndex, cidr }) => linkIndex === link.index && cidrContains(range, cidr.network),
    ),
  );
}

/** `*` is any run of characters, `?` one; everything else is itself. */
function globPattern(text: string): RegExp {
  const escaped = text.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}

function unplaced(vip: WantedVip, reason: VipProblem['reason']): Placement {
  return {
    kind: 'unplaced',
    problem: { vip: vip.address, reason, interface: vip.interface ?? '' },
  };
}
