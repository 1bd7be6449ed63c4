import {
  type IpAddress,
  ipBytes,
  ipFamily,
  ipFromBytes,
  maxPrefixLength,
  parseIpAddress,
} from './ip.ts';

/** A range of addresses: all that share the first `prefixLength` bits with `network`. */
export interface Cidr {
  /** The first address: no bit is set behind the prefix. */
  readonly network: IpAddress;
  readonly prefixLength: number;
}

/**
 * Reads `192.0.2.0/24` or `2001:db8::/32` (RFC 4632 §3.1, RFC 4291 §2.3). Bits behind the prefix
 * are cleared, as the pools and files that we inherit rely on.
 */
export function parseCidr(text: string): Cidr | undefined {
  const parsed = parseAddressWithPrefix(text);
  if (parsed === undefined) return undefined;
  const { address, prefixLength } = parsed;
  return { network: networkOf(address, prefixLength), prefixLength };
}

/** Reads an address and its prefix length, and keeps every bit of the address. */
export function parseAddressWithPrefix(
  text: string,
): { readonly address: IpAddress; readonly prefixLength: number } | undefined {
  const slash = text.indexOf('/');
  if (slash === -1) return undefined;
  const address = parseIpAddress(text.slice(0, slash));
  if (address === undefined) return undefined;
  const prefixLength = parsePrefixLength(text.slice(slash + 1), address);
  return prefixLength === undefined ? undefined : { address, prefixLength };
}

export function formatCidr(cidr: Cidr): string {
  return `${cidr.network}/${cidr.prefixLength}`;
}

export function cidrContains(cidr: Cidr, address: IpAddress): boolean {
  return (
    ipFamily(cidr.network) === ipFamily(address) &&
    networkOf(address, cidr.prefixLength) === cidr.network
  );
}

/** `address` with every bit behind the prefix cleared. */
export function networkOf(address: IpAddress, prefixLength: number): IpAddress {
  const masked = ipBytes(address).map((byte, index) => {
    const kept = Math.min(8, Math.max(0, prefixLength - index * 8));
    return byte & (0xff << (8 - kept));
  });
  return ipFromBytes(masked);
}

function parsePrefixLength(text: string, address: IpAddress): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(text)) return undefined;
  const value = Number(text);
  return value <= maxPrefixLength(ipFamily(address)) ? value : undefined;
}
