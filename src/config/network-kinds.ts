/** Peers, backends and VIPs: their fields, and the short forms of the environment. */
import { parseAddressWithPrefix } from '../core/address/cidr.ts';
import { ipFamily, maxPrefixLength } from '../core/address/ip.ts';
import { fieldsKind, refine } from './compound.ts';
import type { Backend, Peer, VipOption } from './config.ts';
import { type Kind, option, optionWithDefault, type Shorthand } from './kind.ts';
import {
  httpUrl,
  integer,
  interfaceText,
  ipAddress,
  port,
  prefixLength,
  refused,
  text,
} from './kinds.ts';
import { type FieldsNode, isBareText, isBlank, type ScalarNode, textNode } from './source.ts';

/** Goes over the wire and into logs. */
const peerId: Kind<string> = text({
  name: 'a name of a peer',
  pattern: /^[^\s,:]{1,63}$/,
  fix: 'write 1 to 63 characters without spaces, commas and colons',
});

const PEER_OPTIONS = {
  id: option({
    kind: peerId,
    description: 'Name of the node, different from every other one.',
    example: 'server1',
    required: true,
    seed: true,
  }),
  address: option({
    kind: ipAddress,
    description: 'Address that its datagrams come from and go to. A VIP will not do.',
    example: '192.168.0.70',
    required: true,
    seed: true,
  }),
  port: optionWithDefault(10_000, {
    kind: port,
    description: 'UDP port of the election.',
    example: '10000',
    seed: true,
  }),
};

const PEER_TEXT = /^(?<id>[^:]+):(?:\[(?<ipv6>[^\]]+)\]|(?<ipv4>[^:]+)):(?<port>[^:]+)$/;

const peerShorthand: Shorthand = {
  inFile: false,
  expand(node, reading) {
    const parts = isBareText(node) ? PEER_TEXT.exec(node.text)?.groups : undefined;
    if (isBareText(node) && parts === undefined) {
      reading.report(
        node.origin,
        `${reading.path} is "${node.text}", which is not a peer`,
        'write id:address:port, for example server1:10.0.0.1:10000 or server1:[fd00::1]:10000',
      );
    }
    return (
      parts &&
      fieldsOf(node.origin, { ...parts, address: parts['ipv4'] ?? parts['ipv6'] }, PEER_OPTIONS)
    );
  },
};

/** Blank fields in all places are how kube-vip's printed sample says "none". */
export const peer: Kind<Peer> = unlessAllBlank(
  refine(fieldsKind('a peer', PEER_OPTIONS, peerShorthand), ({ id, address, port: number }) =>
    id === undefined || address === undefined ? undefined : { id, address, port: number },
  ),
);

const BACKEND_OPTIONS = {
  address: option({
    kind: ipAddress,
    description: 'Address of the server.',
    example: '192.168.0.70',
    seed: true,
  }),
  port: option({
    kind: port,
    description: 'Its port.',
    defaultText: 'backendPort of the load balancer',
    example: '6444',
    seed: true,
    zeroIsBlank: true,
  }),
  weight: optionWithDefault(1, {
    kind: integer({ min: 0, max: 256 }),
    description: 'How much it takes against the others. 0: no new connections.',
    example: '2',
  }),
  url: option({
    kind: httpUrl,
    description: 'For type http, in place of address and port: where requests go.',
    example: 'http://192.168.0.80:8080/app',
    aliases: ['rawURL'],
    seed: true,
  }),
  parsedURL: option({
    kind: refused('is what kube-vip kept for itself', 'write url'),
    description: 'Printed by kube-vip 0.1.',
    refused: true,
    seed: true,
  }),
};

const BACKEND_TEXT = /^(?:\[(?<ipv6>[^\]]+)\]|(?<ipv4>[^:]+)):(?<port>[^:]+)$/;

const backendShorthand: Shorthand = {
  inFile: false,
  expand(node, reading) {
    if (!isBareText(node)) return undefined;
    if (/^https?:\/\//i.test(node.text)) {
      return fieldsOf(node.origin, { url: node.text }, BACKEND_OPTIONS);
    }
    const parts = BACKEND_TEXT.exec(node.text)?.groups;
    if (parts === undefined) {
      reading.report(
        node.origin,
        `${reading.path} is "${node.text}", which is not a backend`,
        'write address:port, for example 10.0.0.1:8080 or [fd00::1]:8080',
      );
      return undefined;
    }
    return fieldsOf(
      node.origin,
      { ...parts, address: parts['ipv4'] ?? parts['ipv6'] },
      BACKEND_OPTIONS,
    );
  },
};

/** What a backend says before it is known whether it may be a URL. */
export interface WrittenBackend extends Partial<Omit<Backend, 'weight'>> {
  readonly weight: number;
  readonly url?: string | undefined;
}

export const backend: Kind<WrittenBackend> = refine(
  fieldsKind('a backend', BACKEND_OPTIONS, backendShorthand),
  ({ address, port: number, weight, url }) => ({
    weight,
    ...(address !== undefined && { address }),
    ...(number !== undefined && { port: number }),
    ...(url !== undefined && { url }),
  }),
);

const VIP_OPTIONS = {
  address: option({
    kind: ipAddress,
    description: 'The address that clients use, IPv4 or IPv6.',
    example: '192.168.0.75',
    required: true,
  }),
  prefixLength: option({
    kind: prefixLength(128),
    description: 'Prefix length that it is bound with.',
    defaultText: '32 for IPv4, 128 for IPv6',
    example: '32',
  }),
  interface: option({
    kind: interfaceText,
    description: 'Where it is bound: a name, a pattern of names, or the subnet of an interface.',
    defaultText: 'interface of the file',
    example: 'ens192',
  }),
};

/** `192.0.2.10`, or with a prefix length, in place of the fields. */
const vipShorthand: Shorthand = {
  inFile: true,
  expand(node) {
    if (node.kind !== 'scalar') return undefined;
    const both = parseAddressWithPrefix(node.text);
    const parts =
      both === undefined
        ? { address: node.text }
        : { address: both.address, prefixLength: String(both.prefixLength) };
    return fieldsOf(node.origin, parts, VIP_OPTIONS);
  },
};

export const vip: Kind<VipOption> = refine(
  fieldsKind('a VIP', VIP_OPTIONS, vipShorthand),
  ({ address, prefixLength: length, interface: on }, node, reading) => {
    if (address === undefined) return undefined;
    const max = maxPrefixLength(ipFamily(address));
    if (length !== undefined && length > max) {
      reading.report(
        reading.origins.get(reading.pathOf('prefixLength')) ?? node.origin,
        `${reading.path} has prefix length ${length}`,
        `write one from 0 to ${max}`,
      );
      return undefined;
    }
    return { address, prefixLength: length ?? max, ...(on !== undefined && { interface: on }) };
  },
);

function fieldsOf(
  origin: ScalarNode['origin'],
  parts: Readonly<Record<string, string | undefined>>,
  options: object,
): FieldsNode {
  const entries = Object.entries(parts).flatMap(([key, value]) =>
    value === undefined || !Object.hasOwn(options, key)
      ? []
      : [{ key, keyOrigin: origin, value: textNode(value, origin) }],
  );
  return { kind: 'fields', entries, origin };
}

function unlessAllBlank<T>(kind: Kind<T>): Kind<T> {
  return {
    ...kind,
    read(node, reading) {
      const blank =
        node.kind === 'fields' &&
        node.entries.length > 0 &&
        node.entries.every(
          ({ value }) => isBlank(value) || (value.kind === 'scalar' && value.value === 0),
        );
      return blank ? undefined : kind.read(node, reading);
    },
  };
}
