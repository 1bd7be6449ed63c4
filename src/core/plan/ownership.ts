import type { IpAddress } from '../address/ip.ts';
import { ipFamily } from '../address/ip.ts';
import type { LinkAddress } from './state.ts';
import type { KernelAddress, Link } from './world.ts';

/** Which of a machine's addresses are this instance's business. */
export interface Ownership {
  /** Bound by us: they carry our tag, and this instance is the one that serves or served them. */
  readonly ours: readonly LinkAddress[];
  /** VIPs of ours that something else bound, and that may be deleted. */
  readonly foreign: readonly LinkAddress[];
  /** VIPs of ours that something else bound as the only address of a link: deleting it would cut it off. */
  readonly untouchable: readonly LinkAddress[];
}

/**
 * Sorts a machine's addresses. The tag alone does not make an address ours: two instances on one
 * machine share it, and each must leave the other's alone (fencing.md D6).
 *
 * @param owned the VIPs of this instance: those configured now, and those that it bound before.
 */
export function sortAddresses(
  addresses: readonly KernelAddress[],
  links: readonly Link[],
  owned: ReadonlySet<IpAddress>,
): Ownership {
  const names = new Map(links.map((link) => [link.index, link.name]));
  const ours: LinkAddress[] = [];
  const foreign: LinkAddress[] = [];
  const untouchable: LinkAddress[] = [];
  for (const item of addresses) {
    if (!owned.has(item.address)) continue;
    const bound: LinkAddress = {
      linkIndex: item.linkIndex,
      link: names.get(item.linkIndex) ?? `#${item.linkIndex}`,
      address: item.address,
      prefixLength: item.prefixLength,
    };
    if (item.tagged) ours.push(bound);
    else if (isOnlyAddress(item, addresses, owned)) untouchable.push(bound);
    else foreign.push(bound);
  }
  return { ours, foreign, untouchable };
}

function isOnlyAddress(
  item: KernelAddress,
  addresses: readonly KernelAddress[],
  owned: ReadonlySet<IpAddress>,
): boolean {
  return !addresses.some(
    (other) =>
      other.linkIndex === item.linkIndex &&
      ipFamily(other.address) === ipFamily(item.address) &&
      !owned.has(other.address),
  );
}
