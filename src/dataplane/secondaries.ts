import { readFileSync, writeFileSync } from 'node:fs';
import { type IpAddress, ipFamily } from '../core/address/ip.ts';

interface SubnetAddress {
  readonly link: string;
  readonly address: IpAddress;
  readonly prefixLength: number;
}

/**
 * Has the links of these addresses keep the others of a subnet when its first one goes.
 *
 * An IPv4 address that is not the first of its subnet on a link is a secondary one, and goes with
 * the first, unless `promote_secondaries` is set there (ip-sysctl.rst; net/ipv4/devinet.c,
 * __inet_del_ifa). A VIP with the prefix of its subnet is the first when it was bound before the
 * machine's own address: its withdrawal, by whatever hand, would cut the machine off. systemd sets
 * this on every link.
 */
export function keepSecondaries(addresses: readonly SubnetAddress[]): void {
  const links = new Set<string>();
  for (const { link, address, prefixLength } of addresses) {
    if (prefixLength < 32 && ipFamily(address) === 'ipv4') links.add(link);
  }
  for (const link of links) promoteSecondaries(link);
}

function promoteSecondaries(link: string): void {
  const setting = `/proc/sys/net/ipv4/conf/${link}/promote_secondaries`;
  try {
    if (readFileSync(setting, 'utf8').trim() === '0') writeFileSync(setting, '1');
  } catch {
    // The link is gone, or /proc/sys is read-only, as in most containers: serving is worth more.
  }
}
