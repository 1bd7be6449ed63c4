import { execFileSync } from 'node:child_process';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { errorCode } from '../../src/core/errors.ts';
import { invariant } from '../../src/core/invariant.ts';
import { needsLab } from '../lab/namespaces.ts';
import {
  type Client,
  connectTo,
  countersOf,
  listenerTo,
  openForwarder,
  startBackend,
  until,
} from './forwarder-rig.ts';

/** Has nothing of these ports arrive any more, either way, until the test ends. */
function cutOff(ports: readonly number[]): void {
  const drop = ports.flatMap((port) => [`tcp sport ${port} drop`, `tcp dport ${port} drop`]);
  const rules = drop.map((rule) => `add rule inet vanished input ${rule}`);
  const hook = '{ type filter hook input priority 0; }';
  const made = ['add table inet vanished', `add chain inet vanished input ${hook}`, ...rules];
  execFileSync('nft', ['-f', '-'], { input: made.join('\n') });
  onTestFinished(() => {
    execFileSync('nft', ['delete', 'table', 'inet', 'vanished']);
  });
}

function localPortOf({ socket }: Client): number {
  invariant(socket.localPort !== undefined, 'the client is connected');
  return socket.localPort;
}

needsLab(
  'who vanishes is found out in a minute or two; who only does not read, is not',
  async () => {
    // Says a word to those who greet, and more to everybody than the kernel would hold for them.
    const flood = Buffer.alloc(32 * 1024 * 1024);
    const backend = await startBackend((socket) => {
      socket.once('data', (greeting) => {
        socket.write(greeting.toString() === 'all' ? flood : 'one');
      });
    });
    const listener = await listenerTo([backend]);
    const forwarder = openForwarder();
    await forwarder.setListeners([listener], { resetRemoved: false });
    const greet = async (greeting: string): Promise<Client> => {
      const client = connectTo(listener);
      client.socket.once('data', () => client.socket.pause());
      client.socket.write(greeting);
      await until(
        () => client.socket.bytesRead,
        (bytes) => bytes > 0,
      );
      return client;
    };
    const [vanishes, stalls, idles] = [await greet('all'), await greet('all'), await greet('one')];
    cutOff([localPortOf(vanishes), localPortOf(idles)]);
    // The backend has something to say to who is gone.
    backend.sockets.at(-1)?.write('more');

    const ends = backend.sockets.map(howItEnds);
    await sleep(55_000);
    expect(countersOf(forwarder, listener).open).toBe(3);
    for (let waited = 0; waited < 60 && countersOf(forwarder, listener).open > 1; waited += 1) {
      await sleep(1000);
    }
    expect(countersOf(forwarder, listener).open).toBe(1);
    expect([await ends[0], await ends[2]]).toEqual(['ECONNRESET', 'ECONNRESET']);
    stalls.socket.resume();
    await until(
      () => stalls.socket.bytesRead,
      (bytes) => bytes === flood.length,
    );
  },
  180_000,
);

/** How a socket of the backend ends: `end`, or the code of its error. */
function howItEnds(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('end', () => resolve('end'));
    socket.once('error', (error) => resolve(errorCode(error)));
  });
}
