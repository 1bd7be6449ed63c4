import type { IpAddress } from '../address/ip.ts';
import { ipFamily } from '../address/ip.ts';
import type { LinkAddress } from './state.ts';
import type { KernelAddress, Link } from './world.ts';

/** The VIPs of this instance, as far as it knows them. */
export interface KnownVips {
  /** Those in the configuration. */
  readonly configured: ReadonlySet<IpAddress>;
  /** Those that it binds or has bound since the machine started. */
  readonly owned: ReadonlySet<IpAddress>;
}

/** Which of a machine's addresses are this instance's business. */
export interface Ownership {
  /** Bound by us: they carry our tag, and this instance is the one that serves or served them. */
  readonly ours: readonly LinkAddress[];
  /** VIPs of ours that something else bound, and that may be deleted. */
  readonly foreign: readonly LinkAddress[];
  /**
   * VIPs of ours that something else bound as the only address of a link: deleting it would cut it
   * off.
   */
  readonly untouchable: readonly LinkAddress[];
}

/**
 * Sorts a machine's addresses. The tag alone does not make an address ours: two instances on one
 * machine share it, and each must leave the other's alone (fencing.md D6). And what was a VIP once
 * is the machine's own address when somebody else binds it after it has left the configuration.
 */
export function sortAddresses(
  addresses: readonly KernelAddress[],
  links: readonly Link[],
  vips: KnownVips,
): Ownership {
  const names = new Map(links.map((link) => [link.index, link.name]));
  const ours: LinkAddress[] = [];
  const foreign: LinkAddress[] = [];
  const untouchable: LinkAddress[] = [];
  for (const item of addresses) {
    if (!isVip(item, vips)) continue;
    const bound: LinkAddress = {
      linkIndex: item.linkIndex,
      link: names.get(item.linkIndex) ?? `#${item.linkIndex}`,
      address: item.address,
      prefixLength: item.prefixLength,
    };
    if (item.tagged) ours.push(bound);
    else if (isOnlyAddress(item, addresses, vips)) untouchable.push(bound);
    else foreign.push(bound);
  }
  return { ours, foreign, untouchable };
}

function isVip(item: KernelAddress, { configured, owned }: KnownVips): boolean {
  return (item.tagged ? owned : configured).has(item.address);
}

function isOnlyAddress(
  item: KernelAddress,
  addresses: readonly KernelAddress[],
  vips: KnownVips,
): boolean {
  return !addresses.some(
    (other) =>
      other.linkIndex === item.linkIndex &&
      ipFamily(other.address) === ipFamily(item.address) &&
      !isVip(other, vips),
  );
}
