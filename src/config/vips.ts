import { type IpAddress, ipFamily, maxPrefixLength } from '../core/address/ip.ts';
import { OperationalError } from '../core/errors.ts';
import type { Written } from './check.ts';
import type { Placed } from './compound.ts';
import type { Config, VipName, VipOption } from './config.ts';
import type { Problem } from './problem.ts';
import type { Origin } from './source.ts';

export interface WrittenVips {
  readonly addresses: readonly Placed<VipOption>[];
  readonly name: VipName | undefined;
}

const RANK = { default: 0, file: 1, environment: 2, flag: 3 } as const;

/**
 * All VIPs of one configuration: `vip` or `address`, which are one option under two names, and
 * `vips`.
 */
export function writtenVips(
  written: Written,
  originOf: (path: string) => Origin,
  problems: Problem[],
): WrittenVips {
  if (written.disableVip) return { addresses: [], name: undefined };
  const on = written.interface === undefined ? {} : { interface: written.interface };
  const more = (written.vips ?? []).map(({ path, value }) => ({
    path,
    value: { ...on, ...value },
  }));
  const chosen = chooseVip(written, originOf, problems);
  if (chosen === undefined) return { addresses: more, name: undefined };
  const { path, value } = chosen;
  if (typeof value !== 'string') {
    return { addresses: more, name: { name: value.name, prefixLength: written.vipCidr, ...on } };
  }
  return {
    addresses: [{ path, value: { ...bindable(value, written.vipCidr), ...on } }, ...more],
    name: undefined,
  };
}

function chooseVip(
  { vip, address }: Written,
  originOf: (path: string) => Origin,
  problems: Problem[],
): { readonly path: string; readonly value: IpAddress | { readonly name: string } } | undefined {
  const byVip = vip === undefined ? undefined : { path: 'vip', value: vip };
  const byAddress = address === undefined ? undefined : { path: 'address', value: address };
  if (byVip === undefined || byAddress === undefined) return byVip ?? byAddress;
  const difference = RANK[originOf('vip').kind] - RANK[originOf('address').kind];
  if (difference === 0 && vip !== address) {
    problems.push({
      origin: originOf('address'),
      what: 'address and vip name different VIPs, and are the same option',
      fix: 'keep one of the two; further VIPs go under vips',
    });
  }
  return difference < 0 ? byAddress : byVip;
}

function bindable(address: IpAddress, ipv4PrefixLength: number): VipOption {
  const ipv4 = ipFamily(address) === 'ipv4';
  return { address, prefixLength: ipv4 ? ipv4PrefixLength : maxPrefixLength('ipv6') };
}

/**
 * The configuration with the addresses of its VIP's name among `vips`. Done once, at start: a name
 * that moved while the daemon runs would be another VIP.
 *
 * @throws {OperationalError} `name-not-resolved` when the name has no address, or several of one
 * family: every node has to serve the same one, and the order of an answer is nobody's promise.
 */
export async function resolveNames(
  config: Config,
  lookup: (name: string) => Promise<readonly IpAddress[]>,
): Promise<Config> {
  const { vipName, ...rest } = config;
  if (vipName === undefined) return config;
  const { name, prefixLength, ...on } = vipName;
  let found: readonly IpAddress[];
  try {
    found = [...new Set(await lookup(name))];
  } catch (cause) {
    throw unresolved(name, cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (found.length === 0) throw unresolved(name, 'it has no address');
  for (const family of ['ipv4', 'ipv6'] as const) {
    const same = found.filter((address) => ipFamily(address) === family);
    if (same.length > 1) throw unresolved(name, `it has several addresses: ${same.join(', ')}`);
  }
  const taken = new Set<string>(config.vips.map(({ address }) => address));
  const named = found
    .filter((address) => !taken.has(address))
    .map((address) => ({ ...bindable(address, prefixLength), ...on }));
  return Object.freeze({ ...rest, vips: Object.freeze([...named, ...config.vips]) });
}

function unresolved(name: string, why: string, cause?: unknown): OperationalError {
  return new OperationalError(`Cannot resolve the VIP's name "${name}": ${why}`, {
    code: 'name-not-resolved',
    hint: 'Give the name one address a family, or write the address itself as vip',
    cause,
  });
}
