/**
 * The one table of options. The file, the environment, the flags, `config explain`, the JSON Schema
 * and docs/reference/config.md are all read from it; a row added here is an option everywhere.
 *
 * Names in lower case are those of kube-vip 0.1, ours begin with FAIRLEAD_.
 */
import { balancer } from './balancer-options.ts';
import { fieldsKind, listOf } from './compound.ts';
import { option, optionWithDefault } from './kind.ts';
import {
  absolutePath,
  boolean,
  choice,
  host,
  integer,
  interfaceText,
  ipAddress,
  logLevel,
  prefixLength,
  refused,
  text,
} from './kinds.ts';
import { peer, vip } from './network-kinds.ts';

const KUBERNETES = 'needs Kubernetes, which this version does not speak to';
const LATER = 'is not in this version';

const word = text({
  name: 'a word',
  pattern: /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/,
  fix: 'write 1 to 32 lower-case letters, digits and hyphens',
});

const ELECTION_OPTIONS = {
  type: option({
    kind: choice(['raft', 'none'], { lease: KUBERNETES, session: KUBERNETES }),
    description: 'Who decides which node holds the VIPs: a majority of the peers, or nobody.',
    defaultText: 'raft, or none with singleNode',
    environment: 'FAIRLEAD_ELECTION_TYPE',
    example: 'raft',
  }),
  heartbeatMs: option({
    kind: integer({ min: 5, max: 10_000 }),
    unit: 'ms',
    description: 'Time between two heartbeats of the leader.',
    defaultText: 'of the profile',
    environment: 'FAIRLEAD_ELECTION_HEARTBEAT_MS',
    example: '50',
  }),
  electionTimeoutMs: option({
    kind: integer({ min: 50, max: 60_000 }),
    unit: 'ms',
    description:
      'Silence of the leader after which another node may take over. The same on every node of a cluster.',
    defaultText: 'of the profile',
    environment: 'FAIRLEAD_ELECTION_ELECTION_TIMEOUT_MS',
    example: '300',
  }),
  leaseDurationSeconds: later(KUBERNETES),
  renewDeadlineSeconds: later(KUBERNETES),
  retryPeriodSeconds: later(KUBERNETES),
  leaseName: later(KUBERNETES),
  leaseNamespace: later(KUBERNETES),
  onApiLoss: later(KUBERNETES),
};

/** Of the forwarder. */
export const MAX_THREADS = 64;

export const OPTIONS = {
  localPeer: option({
    kind: peer,
    description: 'This node among the peers. In the environment: id:address:port.',
    example: '{id: server1, address: 192.168.0.70, port: 10000}',
    environment: 'vip_localpeer',
    flag: '--localPeer',
    seed: true,
  }),
  remotePeers: option({
    kind: listOf('a list of peers', peer),
    description:
      'The other nodes that vote. In the environment: id:address:port, joined by commas.',
    example: '[{id: server2, address: 192.168.0.71, port: 10000}]',
    environment: 'vip_peers',
    flag: '--remotePeers',
    aliases: ['peers'],
    seed: true,
  }),
  vip: option({
    kind: ipAddress,
    description: 'The address that clients use.',
    example: '192.168.0.75',
    environment: 'vip_address',
    flag: '--vip',
    seed: true,
  }),
  vipCidr: optionWithDefault(32, {
    kind: prefixLength(32),
    description: 'Prefix length of vip and address where they are IPv4; IPv6 is bound with 128.',
    example: '32',
    environment: 'vip_cidr',
    seed: true,
  }),
  address: option({
    kind: host,
    description:
      'The same as vip, or a DNS name that is resolved once, at start; it must have one address a family.',
    example: 'vip.example.com',
    environment: 'address',
    seed: true,
  }),
  vips: option({
    kind: listOf('a list of VIPs', vip),
    description:
      'More VIPs, which move together with vip. An element may be an address alone, also with a prefix length.',
    example: '[{address: "2001:db8::75", interface: ens192}]',
    environment: 'FAIRLEAD_VIPS',
    flag: '--vips',
  }),
  interface: option({
    kind: interfaceText,
    description:
      'Where VIPs are bound: a name, a pattern of names, or the subnet of an interface, so that one file serves all nodes.',
    defaultText: 'the interface whose subnet contains the VIP',
    example: 'ens192',
    environment: 'vip_interface',
    flag: '--interface',
    seed: true,
  }),
  gratuitousARP: optionWithDefault(true, {
    kind: boolean,
    description:
      'Announce the VIPs (gratuitous ARP, unsolicited Neighbor Advertisements). Without, clients keep the old MAC address until they ask again.',
    example: 'true',
    environment: 'vip_arp',
    flag: '--arp',
    seed: true,
  }),
  singleNode: optionWithDefault(false, {
    kind: boolean,
    description: 'This is the only node: it holds the VIPs without an election.',
    example: 'false',
    environment: 'vip_singlenode',
    flag: '--singleNode',
    seed: true,
  }),
  disableVip: optionWithDefault(false, {
    kind: boolean,
    description: 'With singleNode: bind no VIP, only balance.',
    example: 'false',
    environment: 'FAIRLEAD_DISABLE_VIP',
    flag: '-d, --disableVIP',
  }),
  startAsLeader: optionWithDefault(false, {
    kind: boolean,
    description:
      'The first to stand for election when the cluster starts. More than one node may say so.',
    example: 'false',
    environment: 'vip_startleader',
    flag: '--startAsLeader',
    seed: true,
  }),
  voterOnly: optionWithDefault(false, {
    kind: boolean,
    description: 'A witness: votes, and never holds a VIP. It makes a third of two machines.',
    example: 'false',
    environment: 'FAIRLEAD_VOTER_ONLY',
    flag: '--voterOnly',
  }),
  priority: optionWithDefault(100, {
    kind: integer({ min: 0, max: 255 }),
    description: 'Of two nodes that could take over, the one with the higher number goes first.',
    example: '100',
    environment: 'FAIRLEAD_PRIORITY',
    flag: '--priority',
  }),
  profile: optionWithDefault('default', {
    kind: choice(['default', 'fast', 'slow']),
    description:
      'Heartbeat and election timeout: default 50 and 300 ms, fast 20 and 100 ms, slow 250 and 2000 ms (Wi-Fi, very small boards).',
    example: 'default',
    environment: 'FAIRLEAD_PROFILE',
    flag: '--profile',
  }),
  election: option({
    kind: fieldsKind('election settings', ELECTION_OPTIONS),
    description: 'The election in detail; most files need only profile.',
    example: '{heartbeatMs: 50, electionTimeoutMs: 300}',
  }),
  peerKeyFile: option({
    kind: absolutePath,
    description: 'File with the key that the peers authenticate each other with.',
    example: '/etc/fairlead/peers.key',
    environment: 'FAIRLEAD_PEER_KEY_FILE',
    flag: '--peerKeyFile',
  }),
  clusterId: optionWithDefault('fairlead', {
    kind: word,
    description: 'Keeps clusters apart that hear each other; the same on every node of one.',
    example: 'fairlead',
    environment: 'FAIRLEAD_CLUSTER_ID',
    flag: '--clusterId',
  }),
  instance: optionWithDefault('fairlead', {
    kind: word,
    description: 'Keeps two daemons on one machine apart: their lock, socket and state.',
    example: 'fairlead',
    environment: 'FAIRLEAD_INSTANCE',
    flag: '--instance',
  }),
  announceIntervalMs: optionWithDefault(3000, {
    kind: integer({ min: 500, max: 3_600_000 }),
    unit: 'ms',
    description:
      'Time between two announcements of a VIP after the first burst. They go on as long as it is held: a switch that missed the burst would otherwise stay wrong until its entry ages out.',
    example: '3000',
    environment: 'FAIRLEAD_ANNOUNCE_INTERVAL_MS',
  }),
  linkDownGraceMs: option({
    kind: integer({ min: 0, max: 60_000 }),
    unit: 'ms',
    description:
      'How long the link of a VIP may be without a carrier before the holder hands over.',
    defaultText: 'half of election.electionTimeoutMs',
    example: '150',
    environment: 'FAIRLEAD_LINK_DOWN_GRACE_MS',
  }),
  foreignAddress: optionWithDefault('remove', {
    kind: choice(['remove', 'refuse']),
    description:
      'What becomes of a VIP that another program has bound on this node: remove it, or refuse to serve until it is gone.',
    example: 'remove',
    environment: 'FAIRLEAD_FOREIGN_ADDRESS',
    flag: '--foreignAddress',
  }),
  conflict: optionWithDefault('defend', {
    kind: choice(['defend', 'yield']),
    description:
      'What the holder of a VIP does when another machine claims it: defend it for good, or defend it once and then leave it to that machine, until a probe shows that it is free.',
    example: 'defend',
    environment: 'FAIRLEAD_CONFLICT',
    flag: '--conflict',
  }),
  dataDir: optionWithDefault('/var/lib/fairlead', {
    kind: absolutePath,
    description: 'Directory for what outlives a restart: term and vote.',
    example: '/var/lib/fairlead',
    environment: 'FAIRLEAD_DATA_DIR',
    flag: '--dataDir',
  }),
  controlSocket: option({
    kind: text({
      name: 'the path of a socket',
      // sun_path of unix(7) holds 108 bytes with the final zero.
      pattern: /^\/[^\0]{0,106}$/,
      fix: 'write an absolute path of at most 107 characters',
    }),
    description: 'Unix socket that status and handoff speak to.',
    defaultText: '/run/fairlead/<instance>.sock',
    example: '/run/fairlead/fairlead.sock',
    environment: 'FAIRLEAD_CONTROL_SOCKET',
    flag: '--controlSocket',
  }),
  logLevel: optionWithDefault('info', {
    kind: logLevel,
    description: 'fatal, error, warn, info, debug or trace; or 0 to 6, as kube-vip has them.',
    example: 'info',
    environment: 'vip_loglevel',
    flag: '--log',
    aliases: ['logging'],
  }),
  threads: option({
    kind: integer({ min: 1, max: MAX_THREADS }),
    description: 'Threads that move the bytes of all load balancers.',
    defaultText: 'half of the processors, at least 1',
    example: '2',
    environment: 'FAIRLEAD_THREADS',
    flag: '--threads',
  }),
  busyPollUs: optionWithDefault(0, {
    kind: integer({ min: 0, max: 1000 }),
    unit: 'µs',
    description:
      'For how long such a thread goes on asking for work before it sleeps. It spares a connection that is alone on its processor the time of a wake-up, and costs processor time. 0: not at all.',
    example: '50',
    environment: 'FAIRLEAD_BUSY_POLL',
    flag: '--busyPollUs',
  }),
  addPeersAsBackends: optionWithDefault(false, {
    kind: boolean,
    description:
      'Adds localPeer and remotePeers to the backends of every load balancer that has a backendPort.',
    example: 'false',
    environment: 'vip_addpeerstolb',
    flag: '--addPeersToLB',
    seed: true,
  }),
  loadBalancers: option({
    kind: listOf('a list of load balancers', balancer),
    description:
      'What is balanced. Environment and flags describe the first one, and make it if need be.',
    example:
      '[{name: API, port: 6443, bindToVip: true, backends: [{address: 192.168.0.70, port: 6444}]}]',
    seed: true,
  }),
  metricsAddress: later(LATER),
  enableLeaderElection: later(KUBERNETES, 'vip_leaderelection', '--leaderElection'),
  enableLoadBalancer: later('is not needed: loadBalancers says what is balanced', 'lb_enable'),
  enablePacket: later(LATER, 'vip_packet'),
  packetAPIKey: later(LATER),
  packetProject: later(LATER, 'vip_packetproject'),
  leaseDuration: later(KUBERNETES, 'vip_leaseduration'),
  renewDeadline: later(KUBERNETES, 'vip_renewdeadline'),
  retryPeriod: later(KUBERNETES, 'vip_retryperiod'),
  enableBGP: later(LATER, 'bgp_enable'),
  bgpConfig: later(LATER),
  bgpPeerConfig: later(LATER),
  vipConfigMap: later(KUBERNETES, 'vip_configmap'),
  vipRemotePeers: later(
    'was never read by kube-vip either',
    'vip_remotepeers',
    undefined,
    'write vip_peers',
  ),
};

/** A row for what other versions know: using it is an error that names it. */
function later(reason: string, environment?: string, flag?: string, fix?: string) {
  return option({
    kind: refused(reason, fix),
    description: 'Refused by name.',
    ...(environment !== undefined && { environment }),
    ...(flag !== undefined && { flag }),
    refused: true,
    seed: true,
  });
}
