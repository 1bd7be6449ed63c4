/** Kinds of scalars, and the short forms that the environment has for peers and backends. */
import { parseAddressWithPrefix, parseCidr } from '../core/address/cidr.ts';
import { type IpAddress, parseIpAddress } from '../core/address/ip.ts';
import type { Kind } from './kind.ts';
import type { ScalarNode } from './source.ts';
import { nearest } from './suggest.ts';

type Schema = { readonly [keyword: string]: unknown };

/** What a scalar's reader returns for a value that is not of its kind: what to write instead. */
interface Refusal {
  readonly fix: string;
  /** Replaces "is not <kind>". */
  readonly why?: string;
}

type Read<T> = { readonly value: T } | Refusal;

function scalarKind<T>(
  name: string,
  schema: Schema,
  parse: (node: ScalarNode) => Read<T>,
  show: (value: T) => string | number | boolean,
): Kind<T> {
  return {
    name,
    shape: { type: 'scalar', schema },
    read(node, reading) {
      if (node.kind !== 'scalar') {
        const found = node.kind === 'list' ? 'a list' : 'a map';
        reading.report(node.origin, `${reading.path} is ${found}`, `write ${name}`);
        return undefined;
      }
      const read = parse(node);
      if ('value' in read) {
        reading.explain(reading.path, show(read.value), node.origin);
        return read.value;
      }
      const why = read.why ?? `is "${node.text}", which is not ${name}`;
      reading.report(node.origin, `${reading.path} ${why}`, read.fix);
      return undefined;
    },
  };
}

const identity = <T>(value: T): T => value;

/**
 * YAML 1.2's words, and those of the parsers before us: YAML 1.1's, and Go's in the environment.
 */
const BOOLEANS = new Map<string, boolean>([
  ...['true', 'yes', 'on', 'y', 't', '1'].map((word) => [word, true] as const),
  ...['false', 'no', 'off', 'n', 'f', '0'].map((word) => [word, false] as const),
]);

export const boolean: Kind<boolean> = scalarKind(
  'true or false',
  { type: 'boolean' },
  (node) => {
    const known =
      typeof node.value === 'boolean' ? node.value : BOOLEANS.get(node.text.toLowerCase());
    return known === undefined ? { fix: 'write true or false' } : { value: known };
  },
  identity,
);

/** Decimal, also in the environment: kube-vip 0.1 read octal there, and 6443 became 3363. */
export function integer(range: { readonly min: number; readonly max: number }): Kind<number> {
  const { min, max } = range;
  const name = `a whole number from ${min} to ${max}`;
  return scalarKind(
    name,
    { type: 'integer', minimum: min, maximum: max },
    (node) => {
      const fix = `write ${name}`;
      const value = wholeNumber(node);
      if (value === undefined) return { fix };
      if (value < min) return { fix, why: `is ${node.text}, below ${min}` };
      if (value > max) return { fix, why: `is ${node.text}, above ${max}` };
      return { value };
    },
    identity,
  );
}

export const port: Kind<number> = { ...integer({ min: 1, max: 65_535 }), name: 'a port' };

function wholeNumber(node: ScalarNode): number | undefined {
  if (typeof node.value === 'number') return Number.isInteger(node.value) ? node.value : undefined;
  return /^-?[0-9]{1,15}$/.test(node.text) ? Number(node.text) : undefined;
}

export function text(rule: {
  readonly name: string;
  readonly pattern: RegExp;
  readonly fix: string;
}): Kind<string> {
  return scalarKind(
    rule.name,
    { type: 'string', pattern: rule.pattern.source },
    ({ text: written }) => (rule.pattern.test(written) ? { value: written } : { fix: rule.fix }),
    identity,
  );
}

/** Words are matched in any case. `later` are words of later versions, each with its reason. */
export function choice<const W extends string>(
  words: readonly W[],
  later: Readonly<Record<string, string>> = {},
): Kind<W> {
  return scalarKind(
    words.length === 2 ? words.join(' or ') : `one of ${words.join(', ')}`,
    { type: 'string', enum: words },
    ({ text: written }) => {
      const folded = written.toLowerCase();
      const value = words.find((word) => word === folded);
      if (value !== undefined) return { value };
      const reason = later[folded];
      if (reason !== undefined) {
        return { why: `is "${folded}", and ${reason}`, fix: `write ${words.join(' or ')}` };
      }
      const near = nearest(written, words);
      return { fix: near === undefined ? `write ${words.join(' or ')}` : `did you mean ${near}?` };
    },
    identity,
  );
}

export const ipAddress: Kind<IpAddress> = scalarKind(
  'an IP address',
  { type: 'string', anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] },
  ({ text: written }) => {
    const value = parseIpAddress(written);
    return value === undefined ? { fix: addressFix(written) } : { value };
  },
  identity,
);

function addressFix(written: string): string {
  const withPrefix = parseAddressWithPrefix(written);
  if (withPrefix !== undefined) return `write ${withPrefix.address} without the prefix length`;
  if (/^::ffff:/i.test(written)) return 'write the IPv4 address without ::ffff:';
  if (written.includes('%')) return 'write the address without its zone';
  if (/(^|\.)0[0-9]/.test(written)) return 'write the numbers without leading zeros';
  return 'write an address such as 192.0.2.10 or 2001:db8::10';
}

/**
 * RFC 1123 §2.1: letters, digits and hyphens; the last label is not a number, or it were an
 * address.
 */
const DNS_NAME =
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\.?$/i;

export const host: Kind<IpAddress | { readonly name: string }> = scalarKind<
  IpAddress | { readonly name: string }
>(
  'an IP address or a DNS name',
  { type: 'string' },
  ({ text: written }) => {
    const address = parseIpAddress(written);
    if (address !== undefined) return { value: address };
    if (DNS_NAME.test(written)) return { value: { name: written } };
    return { fix: `${addressFix(written)}, or a name such as vip.example.com` };
  },
  (value) => (typeof value === 'string' ? value : value.name),
);

/** Linux: 15 bytes, no slash, no white space (dev_valid_name in net/core/dev.c). */
const LINK_NAME = /^(?!\.{1,2}$)[^\s/:]{1,15}$/;

export const interfaceText: Kind<string> = scalarKind(
  'the name of an interface, a pattern such as ens*, or a subnet',
  { type: 'string', minLength: 1 },
  ({ text: written }) => {
    const valid = written.includes('/')
      ? parseCidr(written) !== undefined
      : LINK_NAME.test(written);
    if (valid) return { value: written };
    return {
      fix: 'write a name such as eth0, a pattern such as ens*, or a subnet such as 192.0.2.0/24',
    };
  },
  identity,
);

/** Absolute, since the daemon does not run in the directory that the file was written in. */
export const absolutePath: Kind<string> = text({
  name: 'an absolute path',
  pattern: /^\/[^\0]*$/,
  fix: 'write the path from / on',
});

export const httpUrl: Kind<string> = scalarKind(
  'an http URL',
  { type: 'string', format: 'uri', pattern: '^http://' },
  ({ text: written }) => {
    const fix = 'write a URL such as http://192.0.2.80:8080/app';
    if (!URL.canParse(written)) return { fix };
    const url = new URL(written);
    if (url.protocol === 'https:')
      return { fix, why: `is "${written}", but backends are spoken to in plain HTTP` };
    return url.protocol === 'http:' ? { value: url.href } : { fix };
  },
  identity,
);

export function prefixLength(max: number): Kind<number> {
  return { ...integer({ min: 0, max }), name: 'a prefix length' };
}

/** logrus's numbers, which kube-vip 0.1 took; pino has no "panic". */
const LOGRUS_LEVELS = ['fatal', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

export const logLevel: Kind<(typeof LEVELS)[number]> = scalarKind<(typeof LEVELS)[number]>(
  'a log level',
  { anyOf: [{ enum: LEVELS }, { type: 'integer', minimum: 0, maximum: 6 }] },
  (node) => {
    const folded = node.text.toLowerCase();
    const named = LEVELS.find((level) => level === folded);
    const value = named ?? LOGRUS_LEVELS[wholeNumber(node) ?? -1];
    return value === undefined
      ? { fix: `write one of ${LEVELS.join(', ')}, or kube-vip's 0 to 6` }
      : { value };
  },
  identity,
);

/**
 * An option that is known and has no meaning in this version: any value that asks for it is
 * refused.
 */
export function refused(reason: string, fix = 'remove it'): Kind<never> {
  return {
    name: 'not supported',
    shape: { type: 'scalar', schema: {} },
    read(node, reading) {
      const asks =
        node.kind === 'scalar'
          ? BOOLEANS.get(node.text.toLowerCase()) !== false
          : (node.kind === 'list' ? node.items : node.entries).length > 0;
      if (asks) reading.report(node.origin, `${reading.path} ${reason}`, fix);
      return undefined;
    },
  };
}
