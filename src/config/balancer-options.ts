/** The table of a load balancer's options. */
import { fieldsKind, listOf } from './compound.ts';
import { healthCheck } from './health-check-options.ts';
import { option, optionWithDefault } from './kind.ts';
import { boolean, choice, integer, port, refused, text } from './kinds.ts';
import { backend } from './network-kinds.ts';

export const BALANCER_OPTIONS = {
  name: option({
    kind: text({ name: 'a name', pattern: /^[^\0\r\n]{1,255}$/, fix: 'write one line of text' }),
    description: 'For people: it stands in logs and status.',
    defaultText: 'type and port',
    example: 'Kubernetes Control Plane',
    environment: 'lb_name',
    flag: '--lbName',
    seed: true,
  }),
  type: optionWithDefault('tcp', {
    kind: choice(['tcp', 'udp', 'http']),
    description:
      'What is balanced. This version runs tcp; http and udp are checked, and refused when the daemon starts.',
    example: 'tcp',
    environment: 'lb_type',
    flag: '--lbType',
    seed: true,
  }),
  port: option({
    kind: port,
    description: 'Port that clients connect to.',
    example: '6443',
    environment: 'lb_port',
    flag: '--lbPort',
    required: true,
    seed: true,
  }),
  bindToVip: optionWithDefault(false, {
    kind: boolean,
    description:
      'true: listens on the VIP only, and only while this node holds it. false: on every node, on all its addresses.',
    example: 'true',
    environment: 'lb_bindtovip',
    flag: '--lbBindToVip',
    seed: true,
  }),
  backendPort: option({
    kind: port,
    description:
      'Port of the backends that name none, and of the peers that addPeersAsBackends adds.',
    example: '6444',
    environment: 'lb_backendport',
    flag: '--lbBackEndPort',
    seed: true,
    zeroIsBlank: true,
  }),
  backends: option({
    kind: listOf('a list of backends', backend),
    description:
      'Servers that take the connections. In the environment: address:port, joined by commas.',
    example: '[{address: 192.168.0.70, port: 6444}]',
    environment: 'lb_backends',
    flag: '--lbBackends',
    seed: true,
  }),
  connectTimeoutMs: optionWithDefault(500, {
    kind: integer({ min: 1, max: 60_000 }),
    unit: 'ms',
    description: 'How long a backend may take to accept before the next one is tried.',
    example: '500',
  }),
  idleTimeoutMs: optionWithDefault(0, {
    kind: integer({ min: 0, max: 86_400_000 }),
    unit: 'ms',
    description: 'A connection on which nothing moves for so long is closed. 0: never.',
    example: '600000',
  }),
  maxConnections: optionWithDefault(65_536, {
    kind: integer({ min: 1, max: 1_000_000 }),
    description: 'Connections at one time; the next ones wait in the queue of the listener.',
    example: '65536',
  }),
  drainSeconds: optionWithDefault(30, {
    kind: integer({ min: 0, max: 86_400 }),
    unit: 's',
    description: 'How long connections may go on after their load balancer has left the file.',
    example: '30',
  }),
  algorithm: optionWithDefault('round-robin', {
    kind: choice(['round-robin', 'least-connections', 'source-hash']),
    description:
      'How a backend is chosen. round-robin: in turn. least-connections: the one with the fewest connections for its weight. source-hash: by the address of the client, the same on every node.',
    example: 'least-connections',
  }),
  healthCheck: option({
    kind: healthCheck,
    description:
      'Asks each backend whether it is well, on every node, and leaves those alone that are not. Without it only a connect that fails is noticed.',
    example: '{type: https, path: /readyz, caFile: /etc/kubernetes/pki/ca.crt}',
  }),
  proxyProtocol: optionWithDefault('none', {
    kind: choice(['none', 'v2']),
    description:
      'v2: tells backends the address of the client, by a header of the PROXY protocol before its first byte. They must expect one.',
    example: 'v2',
  }),
  threads: option({
    kind: refused('is shared by all load balancers', 'write threads at the top level of the file'),
    description: 'Threads of one load balancer.',
    refused: true,
  }),
};

export const balancer = fieldsKind('a load balancer', BALANCER_OPTIONS);
