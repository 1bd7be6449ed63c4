import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseIpAddress } from '../../src/core/address/ip.ts';
import { loadBinding, nativeExecutable } from '../../src/dataplane/binding.ts';
import type { GuardFrame } from '../../src/dataplane/guard-frames.ts';
import {
  encodeAddresses,
  encodeCommand,
  encodeResignation,
  GuardFrameReader,
} from '../../src/dataplane/guard-frames.ts';
import { inNamespaces } from '../lab/namespaces.ts';
import { Witness } from './guard-lab.ts';

const EINVAL = 22;
const E2BIG = 7;
const VIP = '192.0.2.20';

describe.skipIf(!inNamespaces)('the guard, told nonsense', () => {
  let witness: Witness;
  let guard: RawGuard;

  beforeEach(async () => {
    witness = new Witness();
    guard = new RawGuard();
    expect(await guard.frame()).toMatchObject({ kind: 'ready' });
    await witness.kernel.addAddresses([{ ...onLo(VIP), validSeconds: -1 }], Infinity);
    guard.write(encodeCommand('set-addresses', 1, encodeAddresses([onLo(VIP)])));
    expect(await guard.frame()).toEqual({ kind: 'answer', number: 1, errno: 0 });
  });

  afterEach(async () => {
    guard.kill();
    await witness.close();
  });

  test('a command that it does not know is refused, and the next one is understood', async () => {
    const unknown = encodeCommand('ping', 2, Buffer.from('for another version'));
    unknown.writeUInt16LE(99, 6);
    guard.write(unknown);
    guard.write(encodeCommand('ping', 3, Buffer.alloc(0)));
    expect(await guard.frame()).toEqual({ kind: 'answer', number: 2, errno: EINVAL });
    expect(await guard.frame()).toEqual({ kind: 'answer', number: 3, errno: 0 });
  });

  test('a list that makes no sense is refused, and the one before it stays', async () => {
    const wrongFamily = encodeAddresses([onLo('192.0.2.21')]);
    wrongFamily.writeUInt8(1, 4);
    const longPrefix = encodeAddresses([{ ...onLo('192.0.2.21'), prefixLength: 33 }]);
    const bodies = [Buffer.alloc(23), Buffer.alloc(24), wrongFamily, longPrefix];
    for (const [index, body] of bodies.entries()) {
      guard.write(encodeCommand('set-addresses', 10 + index, body));
      expect(await guard.frame()).toEqual({ kind: 'answer', number: 10 + index, errno: EINVAL });
    }
    guard.hangUp();
    await witness.removalOf(VIP);
    expect(await guard.exitCode()).toBe(0);
  });

  test('a resignation beyond the limits is refused, and nothing is sent for it', async () => {
    const record = emptyDatagramTo(9);
    const tooMany = Buffer.concat(Array.from({ length: 65 }, () => record));
    const cutShort = Buffer.from(record);
    cutShort.writeUInt16LE(1, 0);
    guard.write(encodeCommand('set-resignation', 2, tooMany));
    expect(await guard.frame()).toEqual({ kind: 'answer', number: 2, errno: E2BIG });
    guard.write(encodeCommand('set-resignation', 3, cutShort));
    expect(await guard.frame()).toEqual({ kind: 'answer', number: 3, errno: EINVAL });
    guard.write(encodeCommand('set-resignation', 4, tooMany.subarray(24)));
    expect(await guard.frame()).toEqual({ kind: 'answer', number: 4, errno: 0 });
  });

  test('a frame that is far too long is skipped, however it arrives', async () => {
    const huge = encodeCommand('set-addresses', 2, Buffer.alloc(1_000_000));
    for (let at = 0; at < huge.length; at += 77_777) guard.write(huge.subarray(at, at + 77_777));
    guard.write(encodeCommand('ping', 3, Buffer.alloc(0)));
    expect(await guard.frame()).toEqual({ kind: 'answer', number: 2, errno: E2BIG });
    expect(await guard.frame()).toEqual({ kind: 'answer', number: 3, errno: 0 });
  });

  test('a frame may arrive byte by byte', async () => {
    for (const byte of encodeCommand('set-addresses', 2, encodeAddresses([onLo(VIP)]))) {
      guard.write(Uint8Array.of(byte));
    }
    expect(await guard.frame()).toEqual({ kind: 'answer', number: 2, errno: 0 });
  });

  test('a stream without frames makes it withdraw and exit, but a daemon that lives has not resigned', async () => {
    const { port } = await witness.listen('127.0.0.1');
    guard.write(encodeCommand('set-resignation', 2, emptyDatagramTo(port)));
    expect(await guard.frame()).toEqual({ kind: 'answer', number: 2, errno: 0 });
    guard.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await witness.removalOf(VIP);
    expect(await guard.exitCode()).toBe(0);
    expect(witness.datagrams).toEqual([]);
  });

  test('half a frame and then the end: the list before it is withdrawn', async () => {
    const frame = encodeCommand('set-addresses', 2, encodeAddresses([onLo('192.0.2.21')]));
    guard.write(frame.subarray(0, frame.length - 1));
    guard.hangUp();
    await witness.removalOf(VIP);
    expect(await guard.exitCode()).toBe(0);
  });
});

/** A guard, and a socket to it that may say anything. */
class RawGuard {
  readonly #child: ChildProcess;
  readonly #channel: Duplex;
  readonly #frames: GuardFrame[] = [];

  constructor() {
    const { fd } = loadBinding().createDeadlinePage();
    const stdio = ['ignore', 'ignore', 'ignore', 'pipe', fd] as const;
    this.#child = spawn(nativeExecutable('fairlead-guard'), [], { stdio: [...stdio] });
    const channel: unknown = this.#child.stdio[3];
    if (!(channel instanceof Duplex)) throw new Error('the channel is a socket');
    this.#channel = channel;
    const reader = new GuardFrameReader();
    channel.on('data', (chunk: Buffer) => this.#frames.push(...reader.push(chunk)));
    channel.on('error', () => {}); // Its death is what the tests ask of it.
  }

  write(bytes: Uint8Array): void {
    this.#channel.write(bytes);
  }

  hangUp(): void {
    this.#channel.end();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async frame(): Promise<GuardFrame | undefined> {
    while (this.#frames.length === 0) await once(this.#channel, 'data');
    return this.#frames.shift();
  }

  async exitCode(): Promise<number | null> {
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    return this.#child.exitCode;
  }
}

function onLo(text: string) {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  return { linkIndex: 1, link: 'lo', address, prefixLength: 32 };
}

/** A record of `set-resignation`, as bytes, so that a test may bend it. */
function emptyDatagramTo(port: number): Buffer {
  const address = parseIpAddress('127.0.0.1');
  if (address === undefined) throw new Error('an address');
  return encodeResignation([{ address, port, payload: new Uint8Array() }]);
}
