import { expect, test } from 'vitest';
import type { Facts } from '../../src/cli/check/facts.ts';
import { findingsOf } from '../../src/cli/check/findings.ts';
import { drawFindings } from '../../src/cli/check.ts';
import { ConfigError } from '../../src/config/problem.ts';
import { type IpAddress, parseIpAddress } from '../../src/core/address/ip.ts';
import type { KernelAddress, Link } from '../../src/core/plan/world.ts';
import { load, THREE } from '../config/load-text.ts';

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  return address;
}

const eth0: Link = {
  index: 2,
  name: 'eth0',
  mac: '02:00:00:00:00:01',
  up: true,
  carrier: true,
  loopback: false,
  ipv6Forwarding: false,
};

function bound(address: string, rest: Partial<KernelAddress> = {}): KernelAddress {
  return { linkIndex: 2, address: ip(address), prefixLength: 24, tagged: false, ...rest };
}

/** A machine where all is well, except for what the test is about. */
function facts(other: Partial<Facts> = {}): Facts {
  return {
    kernelRelease: '6.18.0',
    capabilities: (1n << 12n) | (1n << 13n),
    firstUnprivilegedPort: 1024,
    maxUserNamespaces: 15_000,
    appArmorRestrictsNamespaces: false,
    addon: { value: true },
    flushesRuleset: undefined,
    guard: { value: '/opt/fairlead/fairlead-guard' },
    network: { value: { links: [eth0], addresses: [bound('192.0.2.1')], answering: ['eth0'] } },
    config: undefined,
    unwritable: [],
    keyFile: undefined,
    routes: [],
    ...other,
  };
}

/** What is not well, a line each. */
function wrong(other: Partial<Facts>): readonly string[] {
  return findingsOf(facts(other))
    .filter(({ id, level }) => level !== 'ok' && id !== 'config')
    .map(({ id, level, what, cure }) => `${id} ${level}: ${what}. ${cure}`);
}

const plain = { width: 80, wide: false, good: String, bad: String, dim: String };

test('a machine where all is well', async () => {
  const config = await load(THREE);
  const routes = config.config.remotePeers.map((peer) => ({ peer }));
  const all = findingsOf(facts({ config, routes, keyFile: { value: true } }));
  expect(drawFindings(all, plain)).toMatchInlineSnapshot(`
    "Machine
    √ Linux 6.18.0: owner tag, boot-time clock
    √ the native addon loads
    √ user namespaces, for the demo and the tests

    Permissions
    √ CAP_NET_ADMIN and CAP_NET_RAW
    √ dataDir and the folder of controlSocket can be written

    Configuration
    √ the configuration is valid
    ‼ no peerKeyFile: whoever reaches the port of the peers can take the VIP away
        Write peerKeyFile: with the path of a file that holds the same secret on every node
        docs/reference/checks.md#config
    √ the key file holds keys

    Interfaces
    √ VIP 192.0.2.75 goes to eth0, which is up

    Fences
    √ the guard can be started
    √ the kernel has hooks for the gate on both ways, which no flush removes

    Peers
    √ this machine has 192.0.2.1
    √ there is a route to b (192.0.2.2)
    √ there is a route to c (192.0.2.3)

    0 failed, 1 to look at, 13 well
    "
  `);
});

test('what the machine lacks is told with its cure', () => {
  expect(
    wrong({
      kernelRelease: '5.15.0-91-generic',
      capabilities: 0n,
      appArmorRestrictsNamespaces: true,
      addon: { failure: 'Cannot load the addon: none', hint: 'Run npm run setup' },
      guard: { failure: 'Cannot find the guard' },
    }),
  ).toMatchInlineSnapshot(`
    [
      "kernel warning: Linux 5.15.0-91-generic has no owner tag for addresses (5.18 has); IPv4 is told by a label, IPv6 not at all. Run a newer kernel if you serve IPv6 VIPs",
      "addon failed: Cannot load the addon: none. Run npm run setup",
      "user-namespaces warning: AppArmor restricts user namespaces: the demo and the tests need root. To run them as a user: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
      "capabilities failed: CAP_NET_ADMIN and CAP_NET_RAW are missing. Run it as root, or grant CAP_NET_ADMIN and CAP_NET_RAW (a container: add both)",
      "guard failed: Cannot find the guard. Run npm run setup",
      "gate warning: Linux 5.15.0-91-generic has no egress hook (5.16 has): the gate waits for what other programs do to nftables. Run a newer kernel where kube-proxy or the like changes many rules",
    ]
  `);
  expect(wrong({ maxUserNamespaces: 0, capabilities: 1n << 12n })).toMatchInlineSnapshot(`
    [
      "user-namespaces warning: user namespaces are turned off: the demo and the tests need root. To run them as a user: sudo sysctl -w user.max_user_namespaces=15000",
      "capabilities failed: CAP_NET_RAW is missing. Run it as root, or grant CAP_NET_ADMIN and CAP_NET_RAW (a container: add both)",
    ]
  `);
});

test('what the configuration asks of the machine is looked at', async () => {
  const { config, ...rest } = await load(
    `${THREE}loadBalancers: [{name: web, port: 80, backends: [{address: 192.0.2.9, port: 8080}]}]\n`,
  );
  const routes = config.remotePeers.map((peer) => ({ peer, failure: 'ENETUNREACH' }));
  const unwritable = [{ folder: '/var/lib', code: 'EACCES' }];
  const keyFile = { failure: 'Cannot read the key file "/k": EACCES' };
  const network = {
    value: {
      answering: [],
      links: [{ ...eth0, carrier: false }],
      addresses: [bound('192.0.2.8'), bound('192.0.2.75')],
    },
  };
  const config2 = { config, ...rest };
  expect(wrong({ config: config2, routes, unwritable, keyFile, network })).toMatchInlineSnapshot(`
    [
      "capabilities failed: CAP_NET_BIND_SERVICE is missing, and "web" listens on port 80. Grant CAP_NET_BIND_SERVICE, or choose a port from 1024 on",
      "paths failed: /var/lib cannot be written to: EACCES. Let the user of the daemon write there, or choose another dataDir or controlSocket",
      "key failed: Cannot read the key file "/k": EACCES. Let the user of the daemon read it",
      "interface failed: eth0, for VIP 192.0.2.75, has no carrier. Look at the cable and at the switch",
      "foreign-address warning: VIP 192.0.2.75 is bound here by another program; the start will remove it. End what bound it: keepalived, kube-vip, or an address in the network settings",
      "local-peer failed: no interface of this machine has the address 192.0.2.1 of localPeer. Write the address of this machine, or check that this file is for this machine",
      "peer-route failed: there is no route to b (192.0.2.2): ENETUNREACH. Check the address, and the routes of this machine",
      "peer-route failed: there is no route to c (192.0.2.3): ENETUNREACH. Check the address, and the routes of this machine",
    ]
  `);
});

/** What is wrong with the VIP of a machine that has `links`. */
async function told(line: string, links: readonly Link[]): Promise<readonly string[]> {
  const config = await load(`singleNode: true\nvip: 192.0.2.75\n${line}\n`);
  return wrong({ config, network: { value: { links, addresses: [], answering: [] } } });
}

test('a VIP needs one interface', async () => {
  const second: Link = { ...eth0, index: 3, name: 'eth1', up: false };
  expect([
    await told('interface: ens*', [eth0]),
    await told('interface: eth*', [eth0, second]),
    await told('interface: eth1', [eth0, second]),
    await told('', [eth0]),
  ]).toMatchInlineSnapshot(`
    [
      [
        "interface failed: VIP 192.0.2.75 (interface: ens*) has no interface here. Write the name of an interface that exists, or a subnet or pattern that one of them fits",
      ],
      [
        "interface failed: VIP 192.0.2.75 (interface: eth*) fits several interfaces, and shares a subnet with none or with several. Write the name of one",
      ],
      [
        "interface failed: eth1, for VIP 192.0.2.75, is down. Set the interface up",
      ],
      [
        "interface failed: VIP 192.0.2.75 has no interface here. Write the name of an interface that exists, or a subnet or pattern that one of them fits",
      ],
    ]
  `);
});

test('a second interface in the subnet of a VIP is named, unless it ignores ARP for others', async () => {
  const eth1: Link = { ...eth0, index: 3, name: 'eth1' };
  const config = await load('singleNode: true\nvip: 192.0.2.75\ninterface: eth0\n');
  const addresses = [bound('192.0.2.1'), bound('192.0.2.2', { linkIndex: 3 })];
  const links = [eth0, eth1];
  const found = (answering: readonly string[]): readonly string[] =>
    wrong({ config, network: { value: { links, addresses, answering } } });
  expect(found(['eth0'])).toEqual([]);
  expect(found(['eth0', 'eth1'])).toEqual([
    'shared-segment warning: eth1 is in the subnet of VIP 192.0.2.75 on eth0, and answers ARP for it where the gate is not at work. Set net.ipv4.conf.eth1.arp_ignore=1',
  ]);
});

test('problems of the configuration are findings, with their places', async () => {
  const config = await load('singleNode: yes\nvip: 192.0.2.750\n').catch((err: unknown) => err);
  if (!(config instanceof ConfigError)) throw new Error('no problem was found');
  const findings = findingsOf(facts({ config })).filter(({ id }) => id === 'config');
  expect(findings).toEqual([
    {
      id: 'config',
      level: 'failed',
      what: 'f:2:6: vip is "192.0.2.750", which is not an IP address',
      cure: 'Write an address such as 192.0.2.10 or 2001:db8::10',
    },
  ]);
});

test('a ruleset that is flushed takes the gate away, but for newer kernels', () => {
  const flushesRuleset = '/etc/nftables.conf';
  expect(wrong({ flushesRuleset })).toEqual([]);
  expect(wrong({ flushesRuleset, kernelRelease: '6.8.0' })).toEqual([
    'gate warning: nftables.service begins with "flush ruleset" (/etc/nftables.conf), which removes the gate; it is put back within 50 ms, and Linux 6.9 protects it. Write "delete table" for each table of your own in its place',
  ]);
});
