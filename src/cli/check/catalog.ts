/** What `fairlead check` looks at, in its order; docs/reference/checks.md is made from it. */
export const CHECKS = {
  kernel: {
    section: 'Machine',
    title: 'Linux and its features',
    why: [
      'Addresses carry an owner tag (IFA_PROTO), so that a start removes what an earlier process left',
      'behind, and nothing else. Below Linux 5.18 a label stands in for it, which IPv6 has not. Deadlines',
      'are kept on CLOCK_BOOTTIME, which goes on while a machine sleeps.',
    ].join(' '),
  },
  addon: {
    section: 'Machine',
    title: 'Native addon',
    why: 'Netlink, announcements and the forwarder are native code, built by `npm run setup` or shipped for this platform.',
  },
  'user-namespaces': {
    section: 'Machine',
    title: 'User namespaces',
    why: 'The demo and the tests build a network of their own without root. The daemon does not need them.',
  },
  capabilities: {
    section: 'Permissions',
    title: 'Capabilities',
    why: 'CAP_NET_ADMIN binds addresses, CAP_NET_RAW sends announcements, CAP_NET_BIND_SERVICE listens on low ports.',
  },
  paths: {
    section: 'Permissions',
    title: 'Folders',
    why: 'The daemon writes its term and vote into dataDir and makes its control socket.',
  },
  config: {
    section: 'Configuration',
    title: 'The file',
    why: 'The same as `fairlead config validate`.',
  },
  key: {
    section: 'Configuration',
    title: 'Key of the peers',
    why: 'Without a key, whoever reaches the port of the peers can take the VIP away.',
  },
  interface: {
    section: 'Interfaces',
    title: 'Interface of each VIP',
    why: [
      'A VIP is bound to one link: the one that is named, or of those that a subnet or a pattern selects',
      'the one that shares a subnet with the VIP. A node whose link is down or has no carrier cannot lead.',
    ].join(' '),
  },
  'shared-segment': {
    section: 'Interfaces',
    title: 'Several interfaces on one segment',
    why: [
      'Linux answers ARP for each of its addresses on every link, so clients on a segment that two links',
      'share are told two hardware addresses for one VIP. The gate stops that; without it, `arp_ignore`',
      'does. IPv6 answers on the link of the address alone.',
    ].join(' '),
  },
  'foreign-address': {
    section: 'Interfaces',
    title: 'VIPs that are bound already',
    why: 'A VIP that another program bound here (keepalived, kube-vip, netplan) is removed at the start; with `foreignAddress: refuse` the node does not serve until it is gone. Two programs would fight over it.',
  },
  guard: {
    section: 'Fences',
    title: 'Guard',
    why: 'A small process beside the daemon withdraws the VIPs when the daemon dies or hangs.',
  },
  gate: {
    section: 'Fences',
    title: 'Gate',
    why: [
      'nftables rules that stop what arrives for a VIP and what leaves in its name, unless the holder',
      'renewed them within the last 50 ms: they close without any process. The daemon makes them where it',
      'can, and `fairlead status` says why it could not. `nft flush ruleset` removes them below Linux 6.9;',
      'they are put back. Without them, and with daemon and guard both stopped, the lifetime of the address',
      'ends its use, within 3 seconds.',
    ].join(' '),
  },
  'local-peer': {
    section: 'Peers',
    title: 'Own address among the peers',
    why: 'Datagrams of the election leave from localPeer.address, so this machine must have it.',
  },
  'peer-route': {
    section: 'Peers',
    title: 'Route to each peer',
    why: 'A peer without a route cannot be asked for its vote. Whether it answers, `fairlead status` says once the daemon runs.',
  },
} as const;

export type CheckId = keyof typeof CHECKS;

/** docs/reference/checks.md. */
export function checksReference(): string {
  const entries = Object.entries(CHECKS).flatMap(([id, { section, title, why }]) => [
    `## ${id}`,
    '',
    `${section}: ${title}.`,
    '',
    why,
    '',
  ]);
  return [
    '# Checks',
    '',
    'Generated from `src/cli/check/catalog.ts` by `npm run docs`; change it there. What',
    '`fairlead check` looks at, and why:',
    '',
    ...entries,
  ].join('\n');
}
