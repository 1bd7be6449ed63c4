import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
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

  constructor(story: DaemonStory) {
    this.#child = spawn(process.execPath, [program, JSON.stringify(story)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
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
