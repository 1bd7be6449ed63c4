import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { OPTIONS } from '../../src/config/options.ts';
import { overridables } from '../../src/config/overrides.ts';
import { ALONE, problemsOf, THREE, warningsOf } from './load-text.ts';

test('every mistake is told at once, by its place, with what to write instead', async () => {
  const text = `
localPeer: {id: server1, address: 192.168.0.070, port: 100000}
remotePeers:
- {id: server2, address: 192.168.0.71, prot: 10000}
- {id: server2, address: "fd00::1", port: 10000}
vip: 192.168.0.71
VIP: 192.168.0.72
electon: {}
election: {type: lease, heartbeatMs: 200}
gratuitousARP: maybe
peerKeyFile: key
interface: [eth0]
priority: 1.5
metricsAddress: 127.0.0.1:2112
loadBalancers:
- name: X
  type: tpc
  port: 6443
  healthCheck: {typ: tcp, intervalMs: 99, path: readyz, expectStatus: "200, 299-200"}
  algorithm: source-hush
  backends:
  - {address: foo.example.com, port: 6444}
  - {url: "http://192.168.0.80/"}
- {port: 6443, proxyProtocol: v1, backends: [{address: 10.0.0.1, weight: 257}]}
- {type: tcp, backends: {}}
`;
  expect(await problemsOf(text)).toMatchInlineSnapshot(`
    "f:2:35: localPeer.address is "192.168.0.070", which is not an IP address; write the numbers without leading zeros
    f:2:56: localPeer.port is 100000, above 65535; write a whole number from 1 to 65535
    f:4:40: unknown key remotePeers[0].prot; did you mean port? Write port, or remove it
    f:5:8: remotePeers[1] has the id "server2" of remotePeers[0]; give every peer an id of its own
    f:6:6: vip is 192.168.0.71, which is the address of remotePeers[0]; write an address that no machine has of its own
    f:7:1: vip is given twice, first at f:6:6; keep one of the two
    f:8:1: unknown key electon; did you mean election? Write election, or remove it
    f:9:18: election.type is "lease", and needs Kubernetes, which this version does not speak to; write raft or none
    f:9:38: election.heartbeatMs of 200 leaves room for fewer than three heartbeats in an electionTimeoutMs of 300; write heartbeatMs: 50, or electionTimeoutMs: 1200
    f:10:16: gratuitousARP is "maybe", which is not true or false; write true or false
    f:11:14: peerKeyFile is "key", which is not an absolute path; write the path from / on
    f:12:12: interface is a list; write the name of an interface, a pattern such as ens*, or a subnet
    f:13:11: priority is "1.5", which is not a whole number from 0 to 255; write a whole number from 0 to 255
    f:14:17: metricsAddress is not in this version; remove it
    f:17:9: loadBalancers[0].type is "tpc", which is not one of tcp, udp, http; did you mean tcp?
    f:19:17: unknown key loadBalancers[0].healthCheck.typ; did you mean type? Write type, or remove it
    f:19:39: loadBalancers[0].healthCheck.intervalMs is 99, below 100; write a whole number from 100 to 3600000
    f:19:49: loadBalancers[0].healthCheck.path is "readyz", which is not a path; begin it with a slash: /readyz
    f:19:49: loadBalancers[0].healthCheck.path has no meaning with type tcp; write type: http or https, or remove it
    f:19:71: loadBalancers[0].healthCheck.expectStatus has 299-200; write 200-299
    f:19:71: loadBalancers[0].healthCheck.expectStatus has no meaning with type tcp; write type: http or https, or remove it
    f:20:14: loadBalancers[0].algorithm is "source-hush", which is not one of round-robin, least-connections, source-hash; did you mean source-hash?
    f:22:15: loadBalancers[0].backends[0].address is "foo.example.com", which is not an IP address; write an address such as 192.0.2.10 or 2001:db8::10
    f:23:5: loadBalancers[0].backends[1] is a URL, and loadBalancers[0].type is tcp; write address and port
    f:24:10: loadBalancers[1] listens on TCP port 6443, as loadBalancers[0] does; give each load balancer a port of its own
    f:24:31: loadBalancers[1].proxyProtocol is "v1", which is not none or v2; did you mean v2?
    f:24:46: loadBalancers[1].backends[0] has no port; write port, or backendPort for all of them
    f:24:74: loadBalancers[1].backends[0].weight is 257, above 256; write a whole number from 0 to 256
    f:25:3: loadBalancers[2].port is missing; write port: 6443
    f:25:25: loadBalancers[2].backends is not a list of backends; begin each element on a line of its own with "- ""
  `);
});

test('a health check does not contradict itself', async () => {
  const checks = [
    '{path: /readyz, serverName: kubernetes}',
    '{type: http, insecure: true, timeoutMs: 2001}',
    '{type: https, intervalMs: 999}',
    '{type: https, insecure: true, caFile: /etc/hosts}',
    '{type: https, caFile: /no/such/file}',
    '{type: https, caFile: relative}',
  ];
  const balancers = checks.map(
    (check, index) =>
      `- {port: ${80 + index}, backends: [{address: 192.0.2.9, port: 80}], healthCheck: ${check}}`,
  );
  expect(
    await problemsOf(`${ALONE}loadBalancers:\n${balancers.join('\n')}\n`),
  ).toMatchInlineSnapshot(`
    "f:4:78: loadBalancers[0].healthCheck.path has no meaning with type tcp; write type: http or https, or remove it
    f:4:99: loadBalancers[0].healthCheck.serverName has no meaning with type tcp; write type: https, or remove it
    f:5:94: loadBalancers[1].healthCheck.insecure has no meaning with type http; write type: https, or remove it
    f:5:111: loadBalancers[1].healthCheck.timeoutMs lets a probe last 2001 ms, longer than the interval of 2000 ms; write a shorter timeoutMs, or a longer intervalMs
    f:6:97: loadBalancers[2].healthCheck.intervalMs lets a probe last 1000 ms, longer than the interval of 999 ms; write a shorter timeoutMs, or a longer intervalMs
    f:7:95: loadBalancers[3].healthCheck.insecure is true, and there is a caFile; keep one of the two
    f:8:93: loadBalancers[4].healthCheck.caFile /no/such/file cannot be read: ENOENT; copy the certificate of the authority to /no/such/file, or write insecure: true
    f:9:93: loadBalancers[5].healthCheck.caFile is "relative", which is not a path; write an absolute path"
  `);
});

test('what is no YAML, or no map, is told by its place', async () => {
  const texts = {
    nothing: '',
    tab: `${ALONE}election:\n\theartbeatMs: 5\n`,
    unclosed: 'vip: [192.0.2.1\n',
    scalar: '192.0.2.1\n',
    twoDocuments: `${ALONE}---\n${ALONE}`,
    list: '- vip\n',
    alias: 'vip: *vip\n',
    tag: 'vip: !ip 192.0.2.1\n',
    merge: `${ALONE}<<: {priority: 1}\n`,
  };
  const told = await Promise.all(
    Object.entries(texts).map(async ([name, text]) => `${name}: ${await problemsOf(text)}`),
  );
  expect(told.join('\n')).toMatchInlineSnapshot(`
    "nothing: f:1:1: no remotePeers, so there is nobody to hold an election with; list the other nodes, or write singleNode: true if there are none
    f:1:1: no VIP; write vip: with the address that clients use
    tab: f:4:1: a tab indents this line; indent with spaces
    unclosed: f:2:1: not YAML: flow sequence in block collection must be sufficiently indented and end with a ]; see "fairlead config sample" for a file that is
    scalar: f:1:1: the file is not a map of options; begin with a line such as vip: 192.0.2.10
    twoDocuments: f:3:1: a second document begins here; write one document in a file
    list: f:1:1: the file is not a map of options; begin with a line such as vip: 192.0.2.10
    alias: f:1:6: an alias names no anchor before it; write the value itself
    tag: f:1:6: a YAML tag is of no use here; write the value without a tag
    merge: f:3:1: unknown key <<; remove it, or write one of docs/reference/config.md"
  `);
});

test('a file that cannot be read says why', async () => {
  expect(await problemsOf(undefined, { file: '/nowhere/fairlead.yaml' })).toBe(
    '/nowhere/fairlead.yaml:1:1: the file cannot be read: ENOENT; give the path of a readable file',
  );
});

test('a file without an end is refused, and not read for ever', async () => {
  expect(await problemsOf(undefined, { file: '/dev/zero' })).toBe(
    '/dev/zero:1:1: the file has more than 16 MiB; give the path of a configuration',
  );
});

test('who gives no configuration at all is told how to give one', async () => {
  expect(await problemsOf(undefined)).toBe(
    'no configuration is given; name its file with -c FILE ("fairlead config sample" prints one to start from)',
  );
  expect(await problemsOf(undefined, { environment: { vip_address: '192.0.2.75' } })).toMatch(
    /^no remotePeers, /,
  );
});

test('aliases are followed', async () => {
  const text = `${ALONE}loadBalancers:
- {port: 80, backends: &web [{address: 192.0.2.1, port: 8080}]}
- {port: 81, backends: *web}
`;
  expect(await problemsOf(text)).toBe('');
});

test.each([
  ['billions of aliases', bomb()],
  ['an alias inside its own anchor', `${ALONE}loadBalancers: &a\n- backends: *a\n`],
  ['brackets without end', `vip: ${'['.repeat(500)}${']'.repeat(500)}\n`],
])('%s end in one problem, soon', async (_name, text) => {
  const startedAt = performance.now();
  expect(await problemsOf(text)).toContain(
    'aliases and nesting make this file too large; write the values out, without anchors',
  );
  expect(performance.now() - startedAt).toBeLessThan(2000);
});

function bomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 12; level++) {
    const inner = Array.from({ length: 10 }, () => `*a${level - 1}`).join(', ');
    lines.push(`a${level}: &a${level} [${inner}]`);
  }
  return `${lines.join('\n')}\n`;
}

test('contradictions between options are told', async () => {
  const texts = {
    noPeers: 'vip: 192.0.2.75\n',
    noLocalPeer: 'remotePeers: [{id: b, address: 192.0.2.2}]\nvip: 192.0.2.75\n',
    noVip: 'singleNode: true\n',
    witness: `${THREE}voterOnly: true\nstartAsLeader: true\n`,
    witnessAlone: `${ALONE}voterOnly: true\n`,
    raftAlone: `${ALONE}election: {type: raft}\n`,
    noneAmongPeers: `${THREE}election: {type: none}\n`,
    disabledVip: `${THREE}disableVip: true\n`,
    twins: THREE.replace('192.0.2.3', '192.0.2.2'),
    vipOfPeer: `${THREE}vips: [192.0.2.3]\n`,
    vipTwice: `${ALONE}vips: [192.0.2.75/24]\n`,
    badVip: 'singleNode: true\nvips: [224.0.0.18, "::1", 0.0.0.0]\n',
    longPrefix: `${ALONE}vips: [{address: 192.0.2.1, prefixLength: 64}]\n`,
    families: THREE.replace('192.0.2.3', '"fd00::3"'),
    tooTight: `${THREE}election: {heartbeatMs: 50, electionTimeoutMs: 149}\n`,
    shortRight: `${THREE}election: {heartbeatMs: 30, electionTimeoutMs: 100}\n`,
    bindWithoutVip:
      'singleNode: true\ndisableVip: true\nloadBalancers: [{port: 80, bindToVip: true, backends: [{address: 192.0.2.9, port: 80}]}]\n',
    loop: `${THREE}loadBalancers: [{port: 80, backends: [{address: 192.0.2.1, port: 80}, {address: 192.0.2.75, port: 80}, {address: 127.0.0.1, port: 80}]}]\n`,
    addsNobody: `${THREE}addPeersAsBackends: true\n`,
    noBackends: `${ALONE}loadBalancers: [{port: 80}]\n`,
    samePort: `${ALONE}loadBalancers:\n- {port: 80, bindToVip: true, backends: [{address: 192.0.2.9, port: 80}]}\n- {port: 80, backends: [{address: 192.0.2.9, port: 80}]}\n`,
    threads: `${ALONE}loadBalancers: [{port: 80, threads: 2, backends: [{address: 192.0.2.9, port: 80}]}]\n`,
    longSocket: `${ALONE}controlSocket: /${'x'.repeat(107)}\n`,
  };
  const told = await Promise.all(
    Object.entries(texts).map(async ([name, text]) => `${name}: ${await problemsOf(text)}`),
  );
  expect(told.join('\n')).toMatchInlineSnapshot(`
    "noPeers: f:1:1: no remotePeers, so there is nobody to hold an election with; list the other nodes, or write singleNode: true if there are none
    noLocalPeer: f:1:1: localPeer is missing beside remotePeers; write localPeer: {id: …, address: …, port: …} of this node
    noVip: f:1:1: no VIP; write vip: with the address that clients use
    witness: f:6:16: startAsLeader contradicts voterOnly; keep one of the two
    witnessAlone: f:3:12: voterOnly has no meaning with singleNode; keep one of the two
    raftAlone: f:3:18: election.type is raft, and singleNode is true; keep one of the two
    noneAmongPeers: f:5:18: election.type is none, and there are remotePeers; remove one of the two
    disabledVip: f:5:13: disableVip is for one node alone; write singleNode: true, or give the VIP
    twins: f:3:61: remotePeers[1] has the address 192.0.2.2:10000 of remotePeers[0]; give every peer an address or a port of its own
    vipOfPeer: f:5:8: vips[0] is 192.0.2.3, which is the address of remotePeers[1]; write an address that no machine has of its own
    vipTwice: f:3:8: vips[0] repeats 192.0.2.75 of vip; remove it
    badVip: f:2:8: vips[0] is 224.0.0.18, which other machines cannot reach; write an unused address of the network that clients come from
    f:2:20: vips[1] is ::1, which other machines cannot reach; write an unused address of the network that clients come from
    f:2:27: vips[2] is 0.0.0.0, which other machines cannot reach; write an unused address of the network that clients come from
    longPrefix: f:3:43: vips[0] has prefix length 64; write one from 0 to 32
    families: f:3:61: remotePeers[1].address is of another family than localPeer.address; write IPv4 for all peers, or IPv6 for all
    tooTight: f:5:25: election.heartbeatMs of 50 leaves room for fewer than three heartbeats in an electionTimeoutMs of 149; write heartbeatMs: 24, or electionTimeoutMs: 300
    shortRight: f:5:25: an electionTimeoutMs of 100 leaves the leader 48 ms to serve after a heartbeat, less than two heartbeats of 30; write a longer electionTimeoutMs, or profile: fast, whose margin is smaller
    bindWithoutVip: f:3:39: loadBalancers[0].bindToVip is true, and there is no VIP; write vip, or bindToVip: false
    loop: f:5:39: loadBalancers[0].backends[0] is 192.0.2.1:80, where this load balancer listens itself; write the port that the server listens on
    f:5:71: loadBalancers[0].backends[1] is 192.0.2.75:80, where this load balancer listens itself; write the port that the server listens on
    f:5:104: loadBalancers[0].backends[2] is 127.0.0.1:80, where this load balancer listens itself; write the port that the server listens on
    addsNobody: f:5:21: addPeersAsBackends is true, and no load balancer has a backendPort; write backendPort: where the peers serve
    noBackends: f:3:17: loadBalancers[0] has no backends; write backends: [{address: …, port: …}]
    samePort: f:5:10: loadBalancers[1] listens on TCP port 80, as loadBalancers[0] does; give each load balancer a port of its own
    threads: f:3:37: loadBalancers[0].threads is shared by all load balancers; write threads at the top level of the file
    longSocket: f:3:16: controlSocket is "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", which is not the path of a socket; write an absolute path of at most 107 characters"
  `);
});

test('what is allowed and probably not meant is a warning', async () => {
  const texts = {
    noKey: THREE,
    twoVoters: THREE.replace(', {id: c, address: 192.0.2.3}', ''),
    aloneAmongPeers: `${THREE}singleNode: true\n`,
    hurried: `${THREE}profile: fast\nelection: {electionTimeoutMs: 80}\n`,
  };
  const told = await Promise.all(
    Object.entries(texts).map(async ([name, text]) => `${name}: ${await warningsOf(text)}`),
  );
  expect(told.join('\n')).toMatchInlineSnapshot(`
    "noKey: f:2:1: no peerKeyFile: whoever reaches the port of the peers can take the VIP away; write peerKeyFile: with the path of a file that holds the same secret on every node
    twoVoters: f:2:1: no peerKeyFile: whoever reaches the port of the peers can take the VIP away; write peerKeyFile: with the path of a file that holds the same secret on every node
    f:3:14: two voters cannot outvote the loss of one: when either fails, the VIP is gone; add a third machine, which may be a witness with voterOnly: true
    aloneAmongPeers: f:5:13: singleNode is true, so remotePeers have no say, and each of them may hold the VIP too; remove remotePeers, or write singleNode: false
    hurried: f:2:1: no peerKeyFile: whoever reaches the port of the peers can take the VIP away; write peerKeyFile: with the path of a file that holds the same secret on every node
    f:6:31: an electionTimeoutMs of 80 makes short pauses of a machine into failovers; write 100 or more"
  `);
});

test('http and udp are checked, and refused only when the daemon starts', async () => {
  const text = `${ALONE}loadBalancers:
- {type: http, port: 80, backends: [{url: "http://192.0.2.9/"}]}
- {type: UDP, port: 53, backends: [{address: 192.0.2.9, port: 53}]}
`;
  expect(await problemsOf(text, { purpose: 'run' })).toMatchInlineSnapshot(`
    "f:4:10: loadBalancers[0].type is http, which this version checks and does not run; write type: tcp, or take the load balancer out
    f:5:10: loadBalancers[1].type is udp, which this version checks and does not run; write type: tcp, or take the load balancer out"
  `);
  expect(await problemsOf(text, { purpose: 'validate' })).toBe('');
});

const refused = Object.entries(OPTIONS).filter(([, option]) => option.refused);

test.each(refused)('%s is refused by name, and may be turned off', async (name, option) => {
  for (const text of [`${name}: 3\n`, `${name}: {a: 1}\n`, `${name}: [1]\n`]) {
    expect(await problemsOf(ALONE + text)).toMatch(new RegExp(`^f:3:\\d+: ${name} .+; .+$`));
  }
  expect(await problemsOf(`${ALONE}${name}: false\n`)).toBe('');
  const { environment } = option;
  if (environment === undefined) return;
  expect(await problemsOf(ALONE, { environment: { [environment]: 'x' } })).toMatch(
    new RegExp(`^environment ${environment}: ${name} `),
  );
});

test('the key file is looked at', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'fairlead-config-'));
  const file = path.join(folder, 'key');
  const text = `${THREE}peerKeyFile: ${file}\n`;
  try {
    expect(await problemsOf(text)).toContain(`f:5:14: peerKeyFile ${file} cannot be read: ENOENT;`);
    writeFileSync(file, '', { mode: 0o600 });
    expect(await problemsOf(text)).toContain('is empty');
    writeFileSync(file, '1 secret\n');
    expect(await warningsOf(text)).toBe('');
    chmodSync(file, 0o644);
    expect(await warningsOf(text)).toBe(
      `f:5:14: peerKeyFile ${file} lets others in (mode 0644); run chmod 600 ${file}`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('whatever is written, the loader ends in a Config or in problems', async () => {
  const keys = [...Object.keys(OPTIONS), ...overridables().map(({ path: at }) => at), 'x', ''];
  const scalar = fc.oneof(
    fc.constantFrom(
      'true',
      '-1',
      '1e9',
      '.inf',
      '~',
      '""',
      '192.0.2.1',
      '"::"',
      'a:b:c',
      '*x',
      '&x 1',
    ),
    fc.string(),
  );
  const { value } = fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      scalar,
      fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
      fc
        .array(
          fc.tuple(
            fc.constantFrom('id', 'address', 'port', 'url', 'type', 'backends'),
            tie('value'),
          ),
          {
            maxLength: 4,
          },
        )
        .map((pairs) => `{${pairs.map(([key, inner]) => `${key}: ${inner}`).join(', ')}}`),
    ),
  }));
  const line = fc.tuple(fc.constantFrom(...keys), value).map(([key, text]) => `${key}: ${text}\n`);
  const file = fc.array(line, { maxLength: 8 }).map((lines) => lines.join(''));
  const environment = fc.dictionary(
    fc.constantFrom('vip_peers', 'vip_localpeer', 'lb_backends', 'lb_port', 'vip_arp', 'address'),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(file, environment, async (text, variables) => {
      // Anything but a ConfigError goes through, and fails the test.
      await problemsOf(text, { environment: variables, purpose: 'validate' });
    }),
    { numRuns: 500 },
  );
});
