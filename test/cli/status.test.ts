import { expect, test } from 'vitest';
import { formatDuration } from '../../src/cli/duration.ts';
import { describeHandoff } from '../../src/cli/handoff.ts';
import { drawingFor } from '../../src/cli/output.ts';
import { formatStatus } from '../../src/cli/status.ts';
import { drawStatus, summarize } from '../../src/cli/status-table.ts';
import type { HandoffRefusal } from '../../src/core/status/control.ts';
import type { Status } from '../../src/core/status/status.ts';
import { exampleStatus } from './example-status.ts';

const NARROW = { columns: 80, write: () => {} };

function draw(status: Status, wide = false): string {
  return `\n${drawStatus(status, drawingFor(NARROW, {}, wide)).join('\n')}\n`;
}

function troubled(): Status {
  const example = exampleStatus();
  const [vip] = example.vips;
  const [server2, server3] = example.election.peers;
  const [listener] = example.listeners;
  if (!vip || !server2 || !server3 || !listener) throw new Error('the example has changed');
  return exampleStatus({
    fences: {
      guard: 'none',
      gate: 'none',
      gateState: null,
      gateProblem: 'Cannot make the gate "fairlead": sendmsg failed with EOPNOTSUPP',
      lifetimeSeconds: 0,
    },
    election: {
      ...example.election,
      role: 'follower',
      holder: null,
      sinceMs: 812,
      ineligible: 'no carrier on ens192',
      peers: [
        { ...server2, lastSeenMs: 4_000_000 },
        {
          id: 'a-node-with-a-rather-long-name.rack-17.example.com',
          address: '[2001:db8:1:2:3:4:5:6]:10000',
          lastSeenMs: null,
          problem: 'sends datagrams that are signed with another key than any of ours',
        },
      ],
    },
    vips: [
      { ...vip, held: false, interface: 'a-long-link-na' },
      { ...vip, held: false, address: '2001:db8::75', prefixLength: 128, conflicts: 2 },
    ],
    listeners: [
      { ...listener, open: false, problem: 'Cannot listen on 192.168.0.75:6443: EADDRINUSE' },
    ],
    lastTakeover: null,
    warnings: [
      'No peerKeyFile is set: whoever can send to this port can decide who leads, so set one or keep the network to yourself',
    ],
  });
}

test('fairlead status shows first what is served, and by whom', () => {
  expect(draw(exampleStatus())).toMatchInlineSnapshot(`
    "
    NODE     ROLE     SINCE  TERM  LAST TAKEOVER            GAP  REASON
    server1  leader  1m 21s     4  2026-11-22T17:00:00Z  310 ms  holder-gone

    VIP              INTERFACE  HOLDER               CONFLICTS  STATE
    192.168.0.75/32  ens192     server1 (this node)          0  ok

    PEER     ADDRESS             LAST SEEN  STATE
    server2  192.168.0.71:10000  12 ms ago  ok
    server3  192.168.0.72:10000  14 ms ago  ok

    LISTENER                  TYPE  ADDRESS            OPEN  TOTAL  FAILED  BACKENDS
    Kubernetes Control Plane  tcp   192.168.0.75:6443     3    120       0  1 of 2

    Fences: guard child, gate nftables (netdev, open), lifetime 2 s. fairlead 0.1.0
    "
  `);
});

test('fairlead status -o wide leaves nothing out', () => {
  expect(draw(exampleStatus(), true)).toMatchInlineSnapshot(`
    "
    NODE     ROLE     SINCE  TERM  LAST TAKEOVER            GAP  REASON
    server1  leader  1m 21s     4  2026-11-22T17:00:00Z  310 ms  holder-gone

    VIP              INTERFACE  HOLDER               ANNOUNCED  CONFLICTS  STATE
    192.168.0.75/32  ens192     server1 (this node)          7          0  ok

    PEER     ADDRESS             LAST SEEN  STATE
    server2  192.168.0.71:10000  12 ms ago  ok
    server3  192.168.0.72:10000  14 ms ago  ok

    LISTENER                  TYPE  ADDRESS            OPEN  TOTAL  FAILED    IN   OUT  BACKENDS
    Kubernetes Control Plane  tcp   192.168.0.75:6443     3    120       0  1234  5678  1 of 2
      backend                       192.168.0.70:6444     1     40       0              healthy
      backend                       192.168.0.71:6444     2     80       5              unhealthy: connection refused

    Fences: guard child, gate nftables (netdev, open), lifetime 2 s. fairlead 0.1.0
    "
  `);
});

test('fairlead status in trouble says what is wrong, in 80 columns', () => {
  const text = draw(troubled());
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(text).toMatchInlineSnapshot(`
    "
    NODE     ROLE       SINCE  TERM  LAST TAKEOVER  GAP  REASON
    server1  follower  812 ms     4  -                -  -

    VIP               INTERFACE       HOLDER  CONFLICTS  STATE
    2001:db8::75/128  ens192          nobody          2  ok
    192.168.0.75/32   a-long-link-na  nobody          0  ok

    PEER                            ADDRESS                       LAST SEEN  STATE
    server2                         192.168.0.71:10000            1h 6m ago  silent
    a-node-with-a-rather-long-nam…  [2001:db8:1:2:3:4:5:6]:10000      never  problem

    LISTENER               TYPE  ADDRESS               OPEN  TOTAL  FAILED  BACKENDS
    Kubernetes Control P…  tcp   192.168.0.75:6443  problem    120       0  1 of 2

    Fences: guard none, gate none, no lifetime. fairlead 0.1.0
    Problem: no gate: Cannot make the gate "fairlead": sendmsg failed with
             EOPNOTSUPP
    Problem: this node cannot lead: no carrier on ens192
    Problem: peer server2: not heard for over 5 s
    Problem: peer a-node-with-a-rather-long-name.rack-17.example.com: sends
             datagrams that are signed with another key than any of ours
    Problem: listener "Kubernetes Control Plane": Cannot listen on
             192.168.0.75:6443: EADDRINUSE
    Warning: No peerKeyFile is set: whoever can send to this port can decide who
             leads, so set one or keep the network to yourself
    "
  `);
});

test('what this version does not watch is not told as well', () => {
  const [vip] = exampleStatus().vips;
  const [listener] = exampleStatus().listeners;
  if (!vip || !listener) throw new Error('the example has changed');
  const backends = listener.backends.map((backend) => ({ ...backend, checked: false }));
  const status = exampleStatus({
    vips: [{ ...vip, watched: false }],
    listeners: [{ ...listener, backends }],
  });
  expect(draw(status, true)).toMatchInlineSnapshot(`
    "
    NODE     ROLE     SINCE  TERM  LAST TAKEOVER            GAP  REASON
    server1  leader  1m 21s     4  2026-11-22T17:00:00Z  310 ms  holder-gone

    VIP              INTERFACE  HOLDER               ANNOUNCED  STATE
    192.168.0.75/32  ens192     server1 (this node)          7  ok

    PEER     ADDRESS             LAST SEEN  STATE
    server2  192.168.0.71:10000  12 ms ago  ok
    server3  192.168.0.72:10000  14 ms ago  ok

    LISTENER                  TYPE  ADDRESS            OPEN  TOTAL  FAILED    IN   OUT  BACKENDS
    Kubernetes Control Plane  tcp   192.168.0.75:6443     3    120       0  1234  5678  2
      backend                       192.168.0.70:6444     1     40       0              not checked
      backend                       192.168.0.71:6444     2     80       5              not checked

    Fences: guard child, gate nftables (netdev, open), lifetime 2 s. fairlead 0.1.0
    "
  `);
  expect(draw(status)).toMatch(/ 120 {7}0 {2}2$/m);
});

test('a peer that was never heard is not told as well', () => {
  const { election } = exampleStatus();
  const peers = election.peers.map((peer) => ({ ...peer, lastSeenMs: null }));
  const text = draw(exampleStatus({ election: { ...election, peers } }));
  expect(text).toMatch(/server2 {2}192\.168\.0\.71:10000 {6}never {2}silent\n/);
  expect(text).toContain('Problem: peer server2: never heard\n');
});

test('of very many VIPs, those with problems are shown', () => {
  const [vip] = exampleStatus().vips;
  if (!vip) throw new Error('the example has changed');
  const vips = Array.from({ length: 10_000 }, (_, index) => ({
    ...vip,
    address: `10.1.${index >> 8}.${index & 255}`,
    problem: index === 9000 ? 'Cannot bind: EPERM' : null,
  }));
  const lines = draw(exampleStatus({ vips })).split('\n');
  expect(lines.length).toBeLessThan(50);
  expect(lines.join('\n')).toContain('10.1.35.40/32');
  expect(lines.join('\n')).toContain('… and 9980 more; -o wide shows all');
});

test('a single node without an election needs no peers and no term', () => {
  const { election } = exampleStatus();
  const alone = exampleStatus({
    election: { ...election, type: 'none', peers: [], term: 0 },
    listeners: [],
    lastTakeover: { at: '2026-11-22T17:00:00.000Z', reason: 'first', gapMs: null },
  });
  expect(draw(alone)).toMatchInlineSnapshot(`
    "
    NODE     ROLE     SINCE  TERM  LAST TAKEOVER         GAP  REASON
    server1  leader  1m 21s     -  2026-11-22T17:00:00Z    -  first

    VIP              INTERFACE  HOLDER               CONFLICTS  STATE
    192.168.0.75/32  ens192     server1 (this node)          0  ok

    Fences: guard child, gate nftables (netdev, open), lifetime 2 s. fairlead 0.1.0
    "
  `);
});

test('fairlead status -o json is the object of the documentation', async () => {
  const text = await formatStatus(exampleStatus(), 'json', NARROW);
  expect(JSON.parse(text)).toEqual(exampleStatus());
  expect(text.startsWith('{\n  "apiVersion": "fairlead.io/v1",\n  "kind": "Status",')).toBe(true);
  expect(await formatStatus(exampleStatus(), 'yaml', NARROW)).toMatch(
    /^apiVersion: fairlead.io\/v1\nkind: Status\nnode: server1\n/,
  );
});

test('summarize() changes with what matters, and not with counters', () => {
  expect(summarize(exampleStatus())).toMatchInlineSnapshot(
    `"server1: leader, term 4, holder server1, serves 192.168.0.75/32, gap 310 ms"`,
  );
  expect(summarize(troubled())).toMatchInlineSnapshot(
    `"server1: follower, term 4, holder none, serves nothing, no gate: Cannot make the gate "fairlead": sendmsg failed with EOPNOTSUPP, this node cannot lead: no carrier on ens192, peer server2: not heard for over 5 s, peer a-node-with-a-rather-long-name.rack-17.example.com: sends datagrams that are signed with another key than any of ours, listener "Kubernetes Control Plane": Cannot listen on 192.168.0.75:6443: EADDRINUSE"`,
  );
  const { election } = exampleStatus();
  const later = exampleStatus({ election: { ...election, sinceMs: 99_999 } });
  expect(summarize(later)).toBe(summarize(exampleStatus()));
});

test('colours are for terminals, and not for who has set NO_COLOR', () => {
  const terminal = { ...NARROW, isTTY: true };
  const escape = '\u001b[';
  expect(drawStatus(exampleStatus(), drawingFor(terminal, {}, false)).join()).toContain(escape);
  for (const environment of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
    const lines = drawStatus(exampleStatus(), drawingFor(terminal, environment, false));
    expect(lines.join()).not.toContain(escape);
  }
  expect(draw(exampleStatus())).not.toContain(escape);
});

test('formatDuration() speaks in the units of its size', () => {
  const times = [
    0, 12.4, 999, 999.6, 59_940, 59_990, 81_234, 3_599_999, 3_600_000, 90_061_000, 1e9,
  ];
  expect(times.map(formatDuration)).toMatchInlineSnapshot(`
    [
      "0 ms",
      "12 ms",
      "999 ms",
      "999 ms",
      "59.9 s",
      "59.9 s",
      "1m 21s",
      "59m 59s",
      "1h 0m",
      "1d 1h",
      "11d 13h",
    ]
  `);
});

test('describeHandoff() says what happened, or why not and what to do', () => {
  const done = { kind: 'done', from: 'server1', to: 'server2', term: 5, durationMs: 14.2 } as const;
  expect(describeHandoff(done, undefined)).toBe('server1 handed over to server2 in 14 ms (term 5)');
  const reasons: HandoffRefusal[] = [
    'not-leader',
    'no-leader',
    'unknown-target',
    'already-leader',
    'no-eligible-peer',
    'no-peers',
    'busy',
    'not-taken',
  ];
  const peers = [
    { id: 'server2', why: 'not seen for 3.0 s' },
    { id: 'server3', why: 'cannot lead: no carrier' },
  ];
  const texts = reasons.map((reason) =>
    describeHandoff({ kind: 'refused', reason, leader: 'server2', peers }, 'server9'),
  );
  expect(`\n${texts.join('\n\n')}\n`).toMatchInlineSnapshot(`
    "
    Cannot hand over: server2 leads, not this node
    Run the command on server2

    Cannot hand over: no node leads at present
    Look at: fairlead status

    Cannot hand over to "server9": it is no peer of this node
    Look at: fairlead status

    Cannot hand over to "server9": it leads already

    Cannot hand over: no peer can take the VIPs
      server2: not seen for 3.0 s
      server3: cannot lead: no carrier

    Cannot hand over: this node has no peers
    To give the VIPs up, stop the daemon

    Cannot hand over: another handoff is on its way

    Cannot hand over: the VIPs were withdrawn here, and no other node took them in time
    The nodes elect a leader by themselves now; look at: fairlead status -w
    "
  `);
});
