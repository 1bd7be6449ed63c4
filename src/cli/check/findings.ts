import type { Config } from '../../config/config.ts';
import { ConfigError } from '../../config/problem.ts';
import { formatOrigin } from '../../config/source.ts';
import { cidrContains, parseCidr } from '../../core/address/cidr.ts';
import { type IpAddress, ipFamily } from '../../core/address/ip.ts';
import { type Placement, placeVips } from '../../core/plan/place.ts';
import type { KernelAddress, Link, VipReason } from '../../core/plan/world.ts';
import type { CheckId } from './catalog.ts';
import type { Facts } from './facts.ts';

/** One line of the outcome. */
export interface Finding {
  readonly id: CheckId;
  readonly level: 'ok' | 'warning' | 'failed';
  /** What is so, and where it is wrong, why. */
  readonly what: string;
  /** In the imperative; absent where nothing is to be done. */
  readonly cure?: string;
}

/** What the facts mean, in the order of the catalog. */
export function findingsOf(facts: Facts): readonly Finding[] {
  const { config } = facts;
  const valid = config === undefined || config instanceof ConfigError ? undefined : config.config;
  return [
    kernel(facts),
    addon(facts),
    userNamespaces(facts),
    ...capabilities(facts, valid),
    ...paths(facts, valid),
    ...configuration(facts),
    ...key(facts),
    ...interfaces(facts, valid),
    ...fences(facts),
    ...peers(facts, valid),
  ];
}

function kernel({ kernelRelease }: Facts): Finding {
  const what = `Linux ${kernelRelease}`;
  if (isAtLeast(kernelRelease, 5, 18))
    return { id: 'kernel', level: 'ok', what: `${what}: owner tag, boot-time clock` };
  return {
    id: 'kernel',
    level: 'warning',
    what: `${what} has no owner tag for addresses (5.18 has); IPv4 is told by a label, IPv6 not at all`,
    cure: 'Run a newer kernel if you serve IPv6 VIPs',
  };
}

function addon({ addon: found }: Facts): Finding {
  if ('value' in found) return { id: 'addon', level: 'ok', what: 'the native addon loads' };
  const { failure, hint } = found;
  return { id: 'addon', level: 'failed', what: failure, cure: hint ?? 'Run npm run setup' };
}

function userNamespaces(facts: Facts): Finding {
  const id = 'user-namespaces';
  const limited = (what: string, setting: string): Finding => ({
    id,
    level: 'warning',
    what: `${what}: the demo and the tests need root`,
    cure: `To run them as a user: sudo sysctl -w ${setting}`,
  });
  if (facts.maxUserNamespaces === 0) {
    return limited('user namespaces are turned off', 'user.max_user_namespaces=15000');
  }
  if (facts.appArmorRestrictsNamespaces) {
    return limited(
      'AppArmor restricts user namespaces',
      'kernel.apparmor_restrict_unprivileged_userns=0',
    );
  }
  return { id, level: 'ok', what: 'user namespaces, for the demo and the tests' };
}

/** Bits of linux/capability.h. */
const CAP_NET_BIND_SERVICE = 10n;
const CAP_NET_ADMIN = 12n;
const CAP_NET_RAW = 13n;

function capabilities(facts: Facts, config: Config | undefined): readonly Finding[] {
  const has = (bit: bigint): boolean => ((facts.capabilities >> bit) & 1n) === 1n;
  const missing = [
    ...(has(CAP_NET_ADMIN) ? [] : ['CAP_NET_ADMIN']),
    ...(has(CAP_NET_RAW) ? [] : ['CAP_NET_RAW']),
  ];
  const id = 'capabilities';
  const low = config?.loadBalancers.find(({ port }) => port < facts.firstUnprivilegedPort);
  const lowPort: readonly Finding[] =
    low === undefined || has(CAP_NET_BIND_SERVICE)
      ? []
      : [
          {
            id,
            level: 'failed',
            what: `CAP_NET_BIND_SERVICE is missing, and "${low.name}" listens on port ${low.port}`,
            cure: 'Grant CAP_NET_BIND_SERVICE, or choose a port from 1024 on',
          },
        ];
  if (missing.length === 0) {
    return [{ id, level: 'ok', what: 'CAP_NET_ADMIN and CAP_NET_RAW' }, ...lowPort];
  }
  const what = `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing`;
  const cure = 'Run it as root, or grant CAP_NET_ADMIN and CAP_NET_RAW (a container: add both)';
  return [{ id, level: 'failed', what, cure }, ...lowPort];
}

function paths({ unwritable }: Facts, config: Config | undefined): readonly Finding[] {
  if (config === undefined) return [];
  const id = 'paths';
  if (unwritable.length === 0) {
    return [{ id, level: 'ok', what: 'dataDir and the folder of controlSocket can be written' }];
  }
  return unwritable.map(({ folder, code }) => ({
    id,
    level: 'failed',
    what: `${folder} cannot be written to: ${code}`,
    cure: 'Let the user of the daemon write there, or choose another dataDir or controlSocket',
  }));
}

function configuration({ config }: Facts): readonly Finding[] {
  const id = 'config';
  if (config === undefined) {
    const what = 'no configuration given, so interfaces and peers are not looked at';
    return [{ id, level: 'warning', what, cure: 'Name the file with -c FILE' }];
  }
  if (config instanceof ConfigError) {
    return config.problems.map(({ origin, what, fix }) => {
      const place = origin.kind === 'default' ? '' : `${formatOrigin(origin)}: `;
      return { id, level: 'failed', what: `${place}${what}`, cure: sentence(fix) };
    });
  }
  return [
    { id, level: 'ok', what: 'the configuration is valid' },
    ...config.warnings.map(({ what, fix }): Finding => {
      return { id, level: 'warning', what, cure: sentence(fix) };
    }),
  ];
}

/** That there is none, or that others can read it, is among the warnings of the configuration. */
function key({ keyFile }: Facts): readonly Finding[] {
  if (keyFile === undefined) return [];
  const id = 'key';
  if ('value' in keyFile) return [{ id, level: 'ok', what: 'the key file holds keys' }];
  const cure = keyFile.hint ?? 'Let the user of the daemon read it';
  return [{ id, level: 'failed', what: keyFile.failure, cure }];
}

const PLACE_FAILURES: Readonly<
  Record<VipReason, { readonly what: string; readonly cure: string }>
> = {
  'link-missing': {
    what: 'has no interface here',
    cure: 'Write the name of an interface that exists, or a subnet or pattern that one of them fits',
  },
  'link-ambiguous': {
    what: 'fits several interfaces, and shares a subnet with none or with several',
    cure: 'Write the name of one',
  },
  'link-down': { what: 'is for an interface that is down', cure: 'Set the interface up' },
  'no-carrier': {
    what: 'is for an interface without a carrier',
    cure: 'Look at the cable and at the switch',
  },
};

function interfaces({ network }: Facts, config: Config | undefined): readonly Finding[] {
  if (config === undefined || config.voterOnly) return [];
  if ('failure' in network) {
    const cure = network.hint ?? 'Run npm run setup';
    return [{ id: 'interface', level: 'failed', what: network.failure, cure }];
  }
  const { links, addresses } = network.value;
  const placements = placeVips({ vips: config.vips, links, addresses });
  const findings = placements.flatMap((placement): readonly Finding[] => {
    if (placement.kind === 'unplaced') {
      const { vip, reason, interface: wanted } = placement.problem;
      const { what, cure } = PLACE_FAILURES[reason];
      const named = wanted === '' ? '' : ` (interface: ${wanted})`;
      return [{ id: 'interface', level: 'failed', what: `VIP ${vip}${named} ${what}`, cure }];
    }
    const { vip, link } = placement;
    return [linkFinding(vip.address, link), ...foreign(vip.address, addresses, config)];
  });
  return [...findings, ...sharedSegments(placements, network.value)];
}

/** Links beside that of an IPv4 VIP which have its subnet too, and would answer for it. */
function sharedSegments(
  placements: readonly Placement[],
  { links, addresses, answering }: Extract<Facts['network'], { value: unknown }>['value'],
): readonly Finding[] {
  const served = placements.flatMap((placement) =>
    placement.kind === 'placed' && ipFamily(placement.vip.address) === 'ipv4' ? [placement] : [],
  );
  const has = (link: Link, target: IpAddress): boolean =>
    addresses.some(({ linkIndex, address, prefixLength, tagged }) => {
      const subnet = parseCidr(`${address}/${prefixLength}`);
      if (linkIndex !== link.index || tagged || subnet === undefined) return false;
      return address !== target && cidrContains(subnet, target);
    });
  return links.flatMap((beside): readonly Finding[] => {
    if (beside.loopback || !answering.includes(beside.name)) return [];
    const found = served.find(
      ({ vip, link }) => link.index !== beside.index && has(beside, vip.address),
    );
    if (found === undefined) return [];
    const { vip, link } = found;
    return [
      {
        id: 'shared-segment',
        level: 'warning',
        what: `${beside.name} is in the subnet of VIP ${vip.address} on ${link.name}, and answers ARP for it where the gate is not at work`,
        cure: `Set net.ipv4.conf.${beside.name}.arp_ignore=1`,
      },
    ];
  });
}

function linkFinding(vip: string, link: Link): Finding {
  const id = 'interface';
  const reason = link.up ? 'no-carrier' : 'link-down';
  if (!link.up || !link.carrier) {
    const { cure } = PLACE_FAILURES[reason];
    const state = link.up ? 'has no carrier' : 'is down';
    return { id, level: 'failed', what: `${link.name}, for VIP ${vip}, ${state}`, cure };
  }
  return { id, level: 'ok', what: `VIP ${vip} goes to ${link.name}, which is up` };
}

function foreign(
  vip: string,
  addresses: readonly KernelAddress[],
  { foreignAddress }: Config,
): readonly Finding[] {
  if (!addresses.some(({ address, tagged }) => address === vip && !tagged)) return [];
  const refuses = foreignAddress === 'refuse';
  return [
    {
      id: 'foreign-address',
      level: refuses ? 'failed' : 'warning',
      what: `VIP ${vip} is bound here by another program; ${refuses ? 'this node does not serve until it is gone' : 'the start will remove it'}`,
      cure: 'End what bound it: keepalived, kube-vip, or an address in the network settings',
    },
  ];
}

function fences(facts: Facts): readonly Finding[] {
  const { guard } = facts;
  if ('value' in guard) {
    return [{ id: 'guard', level: 'ok', what: 'the guard can be started' }, gate(facts)];
  }
  const cure = guard.hint ?? 'Run npm run setup';
  return [{ id: 'guard', level: 'failed', what: guard.failure, cure }, gate(facts)];
}

/** Whether the kernel has nf_tables at all is tried by the start, which `status` tells of. */
function gate({ kernelRelease, flushesRuleset }: Facts): Finding {
  const id = 'gate';
  const persists = isAtLeast(kernelRelease, 6, 9);
  if (flushesRuleset !== undefined && !persists) {
    return {
      id,
      level: 'warning',
      what: `nftables.service begins with "flush ruleset" (${flushesRuleset}), which removes the gate; it is put back within 50 ms, and Linux 6.9 protects it`,
      cure: 'Write "delete table" for each table of your own in its place',
    };
  }
  if (isAtLeast(kernelRelease, 5, 16)) {
    const safe = persists ? ', which no flush removes' : '';
    return { id, level: 'ok', what: `the kernel has hooks for the gate on both ways${safe}` };
  }
  return {
    id,
    level: 'warning',
    what: `Linux ${kernelRelease} has no egress hook (5.16 has): the gate waits for what other programs do to nftables`,
    cure: 'Run a newer kernel where kube-proxy or the like changes many rules',
  };
}

function peers({ network, routes }: Facts, config: Config | undefined): readonly Finding[] {
  if (config?.localPeer === undefined) return [];
  const { address } = config.localPeer;
  const own: readonly Finding[] =
    'value' in network && network.value.addresses.every((each) => each.address !== address)
      ? [
          {
            id: 'local-peer',
            level: 'failed',
            what: `no interface of this machine has the address ${address} of localPeer`,
            cure: 'Write the address of this machine, or check that this file is for this machine',
          },
        ]
      : [{ id: 'local-peer', level: 'ok', what: `this machine has ${address}` }];
  return [
    ...own,
    ...routes.map(({ peer, failure }): Finding => {
      const id = 'peer-route';
      if (failure === undefined) {
        return { id, level: 'ok', what: `there is a route to ${peer.id} (${peer.address})` };
      }
      const what = `there is no route to ${peer.id} (${peer.address}): ${failure}`;
      return {
        id,
        level: 'failed',
        what,
        cure: 'Check the address, and the routes of this machine',
      };
    }),
  ];
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function isAtLeast(release: string, wantedMajor: number, wantedMinor: number): boolean {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
