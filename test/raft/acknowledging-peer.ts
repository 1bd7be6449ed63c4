// A peer in a process of its own: acknowledges every heartbeat, and prints its sequence.
// Arguments: its own id and port, the other's id and port; both are on 127.0.0.1.
import { randomBytes } from 'node:crypto';
import { UNAUTHENTICATED } from '../../src/raft/keys.ts';
import { Transport } from '../../src/raft/transport.ts';
import { LOOPBACK } from './wire.ts';

const [self = '', port, peer = '', peerPort] = process.argv.slice(2);
const transport = new Transport({
  self: { id: self, address: LOOPBACK, port: Number(port) },
  peers: [{ id: peer, address: LOOPBACK, port: Number(peerPort) }],
  clusterId: 'fairlead',
  instance: randomBytes(8).readBigUInt64BE() | 1n,
  keys: UNAUTHENTICATED,
  liveMs: 40,
  now: () => performance.now(),
  log: { info: () => {}, warn: () => {} },
  received: (from, message) => {
    if (message.kind !== 'heartbeat') return;
    const { list, term, sequence } = message;
    transport.send(from.id, {
      kind: 'heartbeat-ack',
      list,
      term,
      sequence,
      eligible: true,
      priority: 0,
      at: Math.floor(performance.now()),
    });
    process.stdout.write(`${sequence}\n`);
  },
  renewed: () => {},
  twinHeard: () => {},
});
transport.open();
