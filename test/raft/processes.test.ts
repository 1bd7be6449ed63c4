import { afterEach, expect, test } from 'vitest';
import type { Message } from '../../src/core/election/raft/message.ts';
import { UNAUTHENTICATED } from '../../src/raft/keys.ts';
import { Transport } from '../../src/raft/transport.ts';
import { bundleProgram, type RunningProgram, runProgram } from '../bundled-program.ts';
import { freePort, LOOPBACK } from './wire.ts';

const running: RunningProgram[] = [];
let transport: Transport;

afterEach(async () => {
  transport.close();
  await Promise.all(running.splice(0).map((program) => program.end()));
});

function startPeer(bundle: string, ports: { own: number; other: number }): RunningProgram {
  const program = runProgram(bundle, ['b', String(ports.own), 'a', String(ports.other)]);
  running.push(program);
  return program;
}

test('a peer process is heard again after a stop, and after it was killed and started', async () => {
  const bundle = await bundleProgram('test/raft/acknowledging-peer.ts');
  const [own, other] = [await freePort(), await freePort()];
  const acknowledged = new Map<number, bigint>();
  transport = new Transport({
    self: { id: 'a', address: LOOPBACK, port: own },
    peers: [{ id: 'b', address: LOOPBACK, port: other }],
    clusterId: 'fairlead',
    instance: 7n,
    keys: UNAUTHENTICATED,
    liveMs: 40,
    now: () => performance.now(),
    log: { info: () => {}, warn: () => {} },
    received: (from, message) => {
      if (message.kind === 'heartbeat-ack') acknowledged.set(message.sequence, from.instance);
    },
    renewed: () => {},
    twinHeard: () => {},
  });
  transport.open();
  let sequence = 0;
  const beat = (): number => {
    sequence += 1;
    const message: Message = {
      kind: 'heartbeat',
      list: 1n,
      term: 1,
      sequence,
      holdMs: 300,
      rank: 0,
    };
    transport.send('b', message);
    return sequence;
  };
  const meet = () => expect.poll(() => (beat(), acknowledged.size), { timeout: 5000 }).not.toBe(0);

  const first = startPeer(bundle, { own: other, other: own });
  await meet();
  const life = [...acknowledged.values()].at(-1);

  // What is sent to a stopped process waits in its socket, and is not lost.
  first.child.kill('SIGSTOP');
  const burst = Array.from({ length: 100 }, beat);
  first.child.kill('SIGCONT');
  await expect.poll(() => burst.every((one) => acknowledged.get(one) === life)).toBe(true);

  await first.end();
  beat();
  acknowledged.clear();
  startPeer(bundle, { own: other, other: own });
  await meet();
  expect([...acknowledged.values()]).not.toContain(life);
  expect(transport.report()[0]?.problem).toBeNull();
});
