/**
 * IP addresses as text in one canonical form (RFC 5952 for IPv6), so that equal addresses are equal
 * strings, and a set or a map of them needs no comparison of its own.
 */

declare const canonical: unique symbol;

/**
 * An IPv4 or IPv6 address in canonical text, made by the functions of this file only. Never an
 * IPv4-mapped IPv6 address: that is the IPv4 address, and would be the same node under two names.
 */
export type IpAddress = string & { readonly [canonical]: true };

export type IpFamily = 'ipv4' | 'ipv6';

/**
 * Reads an address as a person writes it, strictly: four decimal octets without leading zeros
 * (inet_aton(3) would read them as octal), or RFC 4291 §2.2 text without a zone. An IPv4-mapped
 * address is refused, see {@link IpAddress}.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  const bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  if (bytes === undefined || isMapped(bytes)) return undefined;
  return formatBytes(bytes);
}

export function ipFamily(address: IpAddress): IpFamily {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}

/** The bytes in network order: 4 or 16. */
export function ipBytes(address: IpAddress): Uint8Array {
  const bytes = ipFamily(address) === 'ipv6' ? parseIpv6(address) : parseIpv4(address);
  if (bytes === undefined) throw new TypeError(`Not a canonical IP address: "${address}"`);
  return Uint8Array.from(bytes);
}

/**
 * The address in 4 or 16 bytes of network order. Bytes of an IPv4-mapped address, which is how a
 * socket of both families names an IPv4 peer, give the IPv4 address.
 *
 * @throws {RangeError} when there are neither 4 nor 16 bytes.
 */
export function ipFromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length !== 4 && bytes.length !== 16) {
    throw new RangeError(`An IP address has 4 or 16 bytes, not ${bytes.length}`);
  }
  const all = [...bytes];
  return formatBytes(isMapped(all) ? all.slice(12) : all);
}

/** Bits of an address of the family: the longest prefix. */
export function maxPrefixLength(family: IpFamily): number {
  return family === 'ipv4' ? 32 : 128;
}

/** Orders IPv4 before IPv6, and each by its bytes. */
export function compareIp(a: IpAddress, b: IpAddress): number {
  const left = ipBytes(a);
  const right = ipBytes(b);
  if (left.length !== right.length) return left.length - right.length;
  for (const [index, byte] of left.entries()) {
    const difference = byte - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** `192.0.2.1:80` or `[2001:db8::1]:80` (RFC 3986 §3.2.2). */
export function formatEndpoint(address: IpAddress, port: number): string {
  return ipFamily(address) === 'ipv6' ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * Many that packets are sent to, never an address of one node (RFC 5771, RFC 919 §7, RFC 4291
 * §2.7).
 */
export function isMulticast(address: IpAddress): boolean {
  const first = ipBytes(address)[0] ?? 0;
  if (ipFamily(address) === 'ipv6') return first === 0xff;
  return (first >= 224 && first <= 239) || address === '255.255.255.255';
}

export function isLoopback(address: IpAddress): boolean {
  return ipFamily(address) === 'ipv4' ? address.startsWith('127.') : address === '::1';
}

/** `0.0.0.0` or `::`. */
export function isUnspecified(address: IpAddress): boolean {
  return address === '0.0.0.0' || address === '::';
}

const OCTET = /^(?:0|[1-9][0-9]{0,2})$/;

function parseIpv4(text: string): readonly number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes: number[] = [];
  for (const part of parts) {
    if (!OCTET.test(part)) return undefined;
    const value = Number(part);
    if (value > 255) return undefined;
    bytes.push(value);
  }
  return bytes;
}

/** RFC 4291 §2.2: eight groups, one run of zeros as `::`, and IPv4 in place of the last two. */
function parseIpv6(text: string): readonly number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [before = '', after] = halves;
  const head = parseGroups(before, after === undefined);
  const tail = after === undefined ? [] : parseGroups(after, true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  // `::` stands for at least one group; without it nothing may be missing.
  if (after === undefined ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

const GROUP = /^[0-9a-f]{1,4}$/i;

function parseGroups(text: string, mayEndInIpv4: boolean): readonly number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (GROUP.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
      continue;
    }
    const ipv4 = mayEndInIpv4 && index === groups.length - 1 ? parseIpv4(group) : undefined;
    if (ipv4 === undefined) return undefined;
    bytes.push(...ipv4);
  }
  return bytes;
}

/** `::ffff:0:0/96` (RFC 4291 §2.5.5.2). */
function isMapped(bytes: readonly number[]): boolean {
  return (
    bytes.length === 16 &&
    bytes.slice(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff &&
    bytes[11] === 0xff
  );
}

function formatBytes(bytes: readonly number[]): IpAddress {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the one place that makes one
  return (bytes.length === 4 ? bytes.join('.') : formatIpv6(bytes)) as IpAddress;
}

/** RFC 5952 §4: lower case, no leading zeros, `::` for the first longest run of two or more. */
function formatIpv6(bytes: readonly number[]): string {
  const groups = Array.from(
    { length: 8 },
    (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0),
  );
  const run = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (run.length < 2) return hex.join(':');
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (const [index, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: index - length + 1, length };
  }
  return best;
}
