import type { Config, LoadBalancer, Peer, VipOption } from './config.ts';
import { isShown, type Option, type Options } from './kind.ts';
import { OPTIONS } from './options.ts';

/** What the sample says where neither environment nor flags say anything: three plain machines. */
export const SAMPLE_BASE = `
localPeer: {id: server1, address: 192.168.0.70, port: 10000}
remotePeers:
- {id: server2, address: 192.168.0.71, port: 10000}
- {id: server3, address: 192.168.0.72, port: 10000}
vip: 192.168.0.75
interface: ens192
loadBalancers:
- name: Kubernetes Control Plane
  port: 6443
  bindToVip: true
  backends:
  - {address: 192.168.0.70, port: 6444}
  - {address: 192.168.0.71, port: 6444}
  - {address: 192.168.0.72, port: 6444}
`;

/** In the sample by name; the others follow as comments. */
const SHOWN: readonly string[] = [
  'localPeer',
  'remotePeers',
  'vip',
  'interface',
  'gratuitousARP',
  'singleNode',
  'startAsLeader',
  'loadBalancers',
];

/** A file that says what `config` says, with a comment on everything else that could be said. */
export function formatSample(config: Config): string {
  const { localPeer, remotePeers, loadBalancers } = config;
  const [first, ...more] = config.vips;
  return [
    '# fairlead: the configuration of one node. The others differ in localPeer and remotePeers.',
    '# Check it with: fairlead config validate -c FILE',
    ...(localPeer === undefined
      ? []
      : ['', ...comment(OPTIONS.localPeer), `localPeer: ${flowPeer(localPeer)}`]),
    ...(remotePeers.length === 0
      ? []
      : [
          '',
          ...comment(OPTIONS.remotePeers),
          'remotePeers:',
          ...remotePeers.map((peer) => `- ${flowPeer(peer)}`),
        ]),
    '',
    ...comment(OPTIONS.vip),
    ...(first === undefined ? [] : [`vip: ${quoted(first.address)}`]),
    ...(more.length === 0 ? [] : ['vips:', ...more.map((vip) => `- ${flowVip(vip)}`)]),
    ...(first?.interface === undefined
      ? []
      : ['', ...comment(OPTIONS.interface), `interface: ${quoted(first.interface)}`]),
    '',
    ...comment(OPTIONS.gratuitousARP),
    `gratuitousARP: ${config.gratuitousArp}`,
    '',
    ...comment(OPTIONS.singleNode),
    `singleNode: ${config.singleNode}`,
    '',
    ...comment(OPTIONS.startAsLeader),
    `startAsLeader: ${config.startAsLeader}`,
    '',
    ...comment(OPTIONS.loadBalancers),
    ...(loadBalancers.length === 0 ? ['loadBalancers: []'] : ['loadBalancers:']),
    ...loadBalancers.flatMap(balancerLines),
    '',
    '# What else there is, with its default:',
    ...others(OPTIONS, more.length === 0 ? SHOWN : [...SHOWN, 'vips']),
    '',
  ].join('\n');
}

function balancerLines(balancer: LoadBalancer): readonly string[] {
  const backends =
    balancer.type === 'http'
      ? balancer.backends.map(({ url }) => `  - {url: ${quoted(url)}}`)
      : balancer.backends.map(
          ({ address, port }) => `  - {address: ${quoted(address)}, port: ${port}}`,
        );
  return [
    `- name: ${quoted(balancer.name)}`,
    `  type: ${balancer.type}`,
    `  port: ${balancer.port}`,
    `  bindToVip: ${balancer.bindToVip}`,
    '  backends:',
    ...backends,
  ];
}

function others(options: Options, shown: readonly string[]): readonly string[] {
  return Object.entries(options).flatMap(([name, each]) => {
    if (shown.includes(name) || each.refused) return [];
    const { fallback, example = '' } = each;
    const value = isShown(fallback) ? String(fallback) : example;
    return ['#', ...comment(each), `# ${name}: ${value}`];
  });
}

function comment({ description }: Pick<Option<unknown>, 'description'>): readonly string[] {
  const lines: string[] = [];
  let line = '#';
  for (const word of description.split(' ')) {
    if (line.length + 1 + word.length > 100) {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}

function flowPeer({ id, address, port }: Peer): string {
  return `{id: ${quoted(id)}, address: ${quoted(address)}, port: ${port}}`;
}

function flowVip({ address, prefixLength, interface: on }: VipOption): string {
  const where = on === undefined ? '' : `, interface: ${quoted(on)}`;
  return `{address: ${quoted(address)}, prefixLength: ${prefixLength}${where}}`;
}

/**
 * Plain where YAML reads the same text back in every place; else in double quotes, as JSON has
 * them.
 */
function quoted(text: string): string {
  return /^[A-Za-z][A-Za-z0-9 ._-]*[A-Za-z0-9]$|^[0-9]+(?:\.[0-9]+){3}$/.test(text) &&
    !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text)
    ? text
    : JSON.stringify(text);
}
