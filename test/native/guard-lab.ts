import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { parseIpAddress } from '../../src/core/address/ip.ts';
import type { LinkAddress } from '../../src/core/plan/state.ts';
import { loadBinding } from '../../src/dataplane/binding.ts';
import { Kernel, type KernelEvent } from '../../src/dataplane/kernel.ts';
import type { DaemonLine, DaemonStory } from './guarded-daemon.ts';

const root = path.resolve(import.meta.dirname, '../..');
const program = path.join(root, 'build', 'run', 'guarded-daemon.mjs');

/** Node 20 strips no types, so the program is bundled once before the tests. */
export async function bundleDaemon(): Promise<void> {
  await build({
    entryPoints: [path.join(import.meta.dirname, 'guarded-daemon.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    packages: 'external',
    logLevel: 'warning',
  });
}

/** A daemon of guarded-daemon.ts, and what it has printed. */
export class GuardedDaemon {
  readonly lines: DaemonLine[] = [];
  readonly #child: ChildProcess;
  readonly #news = new EventEmitter();

  /** @param under The command that is to start it, with arguments. */
  constructor(story: DaemonStory, under: readonly string[] = []) {
    const command = [...under, process.execPath, program, JSON.stringify(story)];
    const [executable = '', ...rest] = command;
    this.#child = spawn(executable, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('stdout is a pipe');
    createInterface({ input: stdout }).on('line', (line) => {
      const parsed: DaemonLine = JSON.parse(line);
      this.lines.push(parsed);
      this.#news.emit('news');
    });
  }

  /** The first line of the kind, printed already or to come. */
  async line<K extends DaemonLine['kind']>(kind: K): Promise<Extract<DaemonLine, { kind: K }>> {
    for (;;) {
      for (const line of this.lines) if (isOf(line, kind)) return line;
      await once(this.#news, 'news');
    }
  }

  /** Another guard runs in the place of the first; on a busy machine later than it should. */
  async guardAgain(): Promise<unknown> {
    return await Promise.race([this.line('replaced'), this.line('restored')]);
  }

  /** Of what was started: the daemon, or what it runs under. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async exit(): Promise<readonly unknown[]> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return [exitCode, signalCode];
    return await once(this.#child, 'exit');
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

function isOf<K extends DaemonLine['kind']>(
  line: DaemonLine,
  kind: K,
): line is Extract<DaemonLine, { kind: K }> {
  return line.kind === kind;
}

/** What the kernel says about addresses, and the datagrams that arrive: the referee. */
export class Witness {
  readonly kernel = new Kernel();
  readonly datagrams: string[] = [];
  readonly #events: KernelEvent[] = [];
  readonly #sockets: Socket[] = [];
  readonly #news = new EventEmitter();

  constructor() {
    this.kernel.watch((events) => {
      this.#events.push(...events);
      this.#news.emit('news');
    });
  }

  now(): number {
    return loadBinding().bootTimeMs();
  }

  async listen(address: '127.0.0.1' | '::1'): Promise<{ address: string; port: number }> {
    const socket = createSocket(address === '::1' ? 'udp6' : 'udp4');
    this.#sockets.push(socket);
    socket.on('message', (message) => {
      this.datagrams.push(`${address} ${message.toString()}`);
      this.#news.emit('news');
    });
    socket.bind(0, address);
    await once(socket, 'listening');
    return { address, port: socket.address().port };
  }

  /** When the kernel reported the address as gone, ms of CLOCK_BOOTTIME. */
  async removalOf(address: string): Promise<number> {
    for (;;) {
      const event = this.#events.find(
        (item) => item.kind === 'address' && item.removed && item.address === address,
      );
      if (event?.kind === 'address') return event.at;
      await once(this.#news, 'news');
    }
  }

  async datagramsReach(count: number): Promise<readonly string[]> {
    while (this.datagrams.length < count) await once(this.#news, 'news');
    return this.datagrams.toSorted();
  }

  async isBound(address: string): Promise<boolean> {
    return (await this.kernel.addresses()).some((item) => item.address === address);
  }

  /** Deletes what a test has left on lo. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    const left = (await this.kernel.addresses()).filter((item) => item.tagged);
    await this.kernel.deleteAddresses(left.map((item) => ({ ...item, link: 'lo' })));
    this.kernel.close();
  }
}

/** The addresses on lo, with their longest prefix, to be bound for ever. */
export function onLo(
  ...texts: readonly string[]
): readonly (LinkAddress & { readonly validSeconds: number })[] {
  return texts.map((text) => {
    const address = parseIpAddress(text);
    if (address === undefined) throw new Error(`not an address: ${text}`);
    const prefixLength = text.includes(':') ? 128 : 32;
    return { linkIndex: 1, link: 'lo', address, prefixLength, validSeconds: -1 };
  });
}
