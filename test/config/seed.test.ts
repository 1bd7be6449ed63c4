import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ALONE, load, problemsOf } from './load-text.ts';

const documented = readFileSync(new URL('seed.yaml', import.meta.url), 'utf8');

test("kube-vip 0.1's documented file runs as it stands", async () => {
  const { config } = await load(documented);
  expect(config).toMatchInlineSnapshot(`
    {
      "announceIntervalMs": 3000,
      "busyPollUs": 0,
      "clusterId": "fairlead",
      "conflict": "defend",
      "controlSocket": "/run/fairlead/fairlead.sock",
      "dataDir": "/var/lib/fairlead",
      "election": {
        "electionTimeoutMs": 300,
        "heartbeatMs": 50,
        "marginMs": 50,
        "type": "raft",
      },
      "foreignAddress": "remove",
      "gratuitousArp": true,
      "instance": "fairlead",
      "linkDownGraceMs": 150,
      "loadBalancers": [
        {
          "algorithm": "round-robin",
          "backends": [
            {
              "address": "192.168.0.70",
              "port": 6444,
              "weight": 1,
            },
            {
              "address": "192.168.0.71",
              "port": 6444,
              "weight": 1,
            },
          ],
          "bindToVip": true,
          "connectTimeoutMs": 500,
          "drainSeconds": 30,
          "idleTimeoutMs": 0,
          "maxConnections": 65536,
          "name": "Kubernetes Control Plane",
          "port": 6443,
          "proxyProtocol": "none",
          "type": "tcp",
        },
      ],
      "localPeer": {
        "address": "192.168.0.70",
        "id": "server1",
        "port": 10000,
      },
      "logLevel": "info",
      "node": "server1",
      "priority": 100,
      "remotePeers": [
        {
          "address": "192.168.0.71",
          "id": "server2",
          "port": 10000,
        },
        {
          "address": "192.168.0.72",
          "id": "server3",
          "port": 10000,
        },
      ],
      "singleNode": false,
      "startAsLeader": false,
      "threads": 1,
      "vips": [
        {
          "address": "192.168.0.75",
          "interface": "ens192",
          "prefixLength": 32,
        },
      ],
      "voterOnly": false,
    }
  `);
});

test('kube-vip 0.1.5 printed its sample with the names of Go fields', async () => {
  const { config } = await load(`
AddPeersAsBackends: false
GratuitousARP: true
Interface: eth0
LoadBalancers:
- BackendPort: 0
  Backends:
  - Address: 192.168.0.1
    ParsedURL: null
    Port: 8080
    RawURL: ""
  BindToVip: true
  Name: Example Load Balancer
  Port: 8080
  Type: TCP
LocalPeer:
  ID: ""
  Address: ""
  Port: 0
RemotePeers: null
SingleNode: true
StartAsLeader: true
VIP: 192.168.0.100
`);
  expect(config.vips).toEqual([{ address: '192.168.0.100', prefixLength: 32, interface: 'eth0' }]);
  expect(config.loadBalancers[0]).toMatchObject({
    name: 'Example Load Balancer',
    type: 'tcp',
    backends: [{ address: '192.168.0.1', port: 8080 }],
  });
  expect(config.node).toBe('host1');
});

test('peers, vipCidr as text, RawURL and YAML 1.1 truth are understood', async () => {
  const { config } = await load(
    `
localPeer: {id: 1, address: 192.0.2.1, port: 10000}
peers:
- {id: 2, address: 192.0.2.2, port: 10000}
- {id: 3, address: 192.0.2.3, port: 10000}
vip: 192.0.2.75
vipCidr: "24"
gratuitousARP: yes
loadBalancers:
- {name: web, type: HTTP, port: 80, backends: [{RawURL: "http://192.0.2.80/x"}, {address: 192.0.2.81, port: 81}]}
`,
    { purpose: 'validate' },
  );
  expect(config.node).toBe('1');
  expect(config.remotePeers.map(({ id }) => id)).toEqual(['2', '3']);
  expect(config.vips).toEqual([{ address: '192.0.2.75', prefixLength: 24 }]);
  expect(config.loadBalancers[0]?.backends).toEqual([
    { url: 'http://192.0.2.80/x', weight: 1 },
    { url: 'http://192.0.2.81:81/', weight: 1 },
  ]);
});

test('our own keys match exactly: another case is a misspelling', async () => {
  expect(await problemsOf('SingleNode: true\nVip: 192.0.2.75\nVoterOnly: false\n')).toBe(
    'f:3:1: unknown key VoterOnly; did you mean voterOnly? Write voterOnly, or remove it',
  );
});

test('addPeersAsBackends adds the peers with backendPort, each once', async () => {
  const { config } = await load(`
localPeer: {id: a, address: 192.0.2.1}
remotePeers: [{id: b, address: 192.0.2.2}, {id: c, address: 192.0.2.3}]
vip: 192.0.2.75
addPeersAsBackends: true
loadBalancers:
- {port: 6443, bindToVip: true, backendPort: 6444, backends: [{address: 192.0.2.2, weight: 3}, {address: 192.0.2.9, port: 1}]}
- {port: 80, backends: [{address: 192.0.2.9, port: 80}]}
`);
  expect(config.loadBalancers.map(({ backends }) => backends)).toEqual([
    [
      { address: '192.0.2.2', port: 6444, weight: 3 },
      { address: '192.0.2.9', port: 1, weight: 1 },
      { address: '192.0.2.1', port: 6444, weight: 1 },
      { address: '192.0.2.3', port: 6444, weight: 1 },
    ],
    [{ address: '192.0.2.9', port: 80, weight: 1 }],
  ]);
});

async function threadsOf(processors: number, more = ''): Promise<number> {
  const machine = { hostname: 'host1', processors };
  return (await load(`${ALONE}${more}`, { machine })).config.threads;
}

test('half of the processors move bytes where nothing else is said, and at least one', async () => {
  expect([await threadsOf(1), await threadsOf(7), await threadsOf(256)]).toEqual([1, 3, 64]);
  expect(await threadsOf(64, 'threads: 2\n')).toBe(2);
});

test('a load balancer says how it chooses, and tells, its backends', async () => {
  const { config } = await load(`${ALONE}loadBalancers:
- {port: 80, backends: [{address: 192.0.2.9, port: 80}]}
- {port: 81, algorithm: Least-Connections, proxyProtocol: v2, backends: [{address: 192.0.2.9, port: 80, weight: 0}]}
`);
  expect(config.loadBalancers).toMatchObject([
    { algorithm: 'round-robin', proxyProtocol: 'none', backends: [{ weight: 1 }] },
    { algorithm: 'least-connections', proxyProtocol: 'v2', backends: [{ weight: 0 }] },
  ]);
});

test('a list of all nodes serves as remotePeers: this node is left out of it', async () => {
  const { config } = await load(`
localPeer: {id: b, address: 192.0.2.2}
remotePeers: [{id: a, address: 192.0.2.1}, {id: b, address: 192.0.2.2}, {id: c, address: 192.0.2.3}]
vip: 192.0.2.75
`);
  expect(config.remotePeers.map(({ id }) => id)).toEqual(['a', 'c']);
});

test('the environment of kube-vip 0.1 makes a whole configuration', async () => {
  const { config } = await load(undefined, {
    environment: {
      vip_interface: 'eth1',
      vip_address: '192.0.2.75',
      vip_arp: 'true',
      vip_loglevel: '5',
      vip_singlenode: 'false',
      vip_startleader: 'T',
      vip_localpeer: 'a:[fd00::1]:10000',
      vip_peers: 'b:[fd00::2]:10000, c:[fd00::3]:10001',
      vip_addpeerstolb: 'true',
      lb_bindtovip: 'true',
      lb_name: 'API',
      lb_type: 'tcp',
      lb_port: '6443',
      lb_backendport: '8080',
      lb_backends: '192.0.2.1:8080,[fd00::9]:08081',
    },
  });
  expect(config).toMatchObject({
    node: 'a',
    gratuitousArp: true,
    startAsLeader: true,
    logLevel: 'debug',
    vips: [{ address: '192.0.2.75', prefixLength: 32, interface: 'eth1' }],
    remotePeers: [
      { id: 'b', address: 'fd00::2', port: 10000 },
      { id: 'c', address: 'fd00::3', port: 10001 },
    ],
  });
  // In base 10: kube-vip read 6443 as octal and listened on 3363.
  expect(config.loadBalancers).toMatchObject([
    {
      name: 'API',
      port: 6443,
      bindToVip: true,
      backends: [
        { address: '192.0.2.1', port: 8080 },
        { address: 'fd00::9', port: 8081 },
        { address: 'fd00::1', port: 8080 },
        { address: 'fd00::2', port: 8080 },
        { address: 'fd00::3', port: 8080 },
      ],
    },
  ]);
});

test('the environment says what form it wants', async () => {
  const environment = {
    vip_singlenode: 'true',
    vip_address: '192.0.2.75',
    vip_peers: 'server1',
    vip_localpeer: 'fd00::1:10000',
    lb_port: '0x50',
    lb_backends: '192.0.2.1,192.0.2.2:80',
  };
  expect(await problemsOf(undefined, { environment })).toMatchInlineSnapshot(`
    "environment vip_localpeer: localPeer is "fd00::1:10000", which is not a peer; write id:address:port, for example server1:10.0.0.1:10000 or server1:[fd00::1]:10000
    environment vip_peers: remotePeers[0] is "server1", which is not a peer; write id:address:port, for example server1:10.0.0.1:10000 or server1:[fd00::1]:10000
    environment lb_port: loadBalancers[0].port is "0x50", which is not a whole number from 1 to 65535; write a whole number from 1 to 65535
    environment lb_backends: loadBalancers[0].backends[0] is "192.0.2.1", which is not a backend; write address:port, for example 10.0.0.1:8080 or [fd00::1]:8080"
  `);
});
