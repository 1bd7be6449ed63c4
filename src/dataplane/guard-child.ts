import { type ChildProcess, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { OperationalError } from '../core/errors.ts';
import { errnoName } from './errors.ts';
import type { GuardCommand, GuardFired, GuardFrame } from './guard-frames.ts';
import { encodeCommand, GuardFrameReader } from './guard-frames.ts';

const PING_EVERY_MS = 1_000;
/** Pings without a sign of life after which it counts as dead. */
const SILENT_PINGS = 2;
const CHANNEL_FD = 3;

/**
 * The guard refused a command, or there is none that could take it. `code` is an errno's name, or
 * `guard-lost` (it ended), `guard-silent` (it did not answer and was killed), `guard-closed`.
 */
export class GuardError extends OperationalError {
  override readonly name = 'GuardError';
}

export interface GuardChildOptions {
  readonly executable: string;
  /** The memfd of the deadline page. */
  readonly deadlinePageFd: number;
  fired(fired: GuardFired): void;
  /** Called once, when this guard is no more. */
  ended(error: GuardError): void;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: GuardError) => void;
}

/** One life of the guard's process: commands and their answers, and the ping that says it lives. */
export class GuardChild {
  readonly #options: GuardChildOptions;
  readonly #child: ChildProcess;
  readonly #channel: Duplex | undefined;
  readonly #reader = new GuardFrameReader();
  readonly #unanswered = new Map<number, Waiting>();
  readonly #pings: NodeJS.Timeout;
  readonly #ready: Promise<void>;
  #becomeReady: Waiting | undefined;
  #commands = 0;
  /** Pings due since the guard was heard last; the time until it is ready counts like one. */
  #silentPings = 1;
  #failure: GuardError | undefined;
  #ended = false;

  /** Resolves when the guard is ready; rejects when it cannot be. */
  static async start(options: GuardChildOptions): Promise<GuardChild> {
    const guard = new GuardChild(options);
    await guard.#ready;
    return guard;
  }

  private constructor(options: GuardChildOptions) {
    this.#options = options;
    this.#ready = new Promise((resolve, reject) => {
      this.#becomeReady = { resolve, reject };
    });
    // Nothing of the daemon's is inherited but these two: not its terminal, nor a pipe that others
    // read until it closes.
    this.#child = spawn(options.executable, [], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', options.deadlinePageFd],
      env: {},
    });
    this.#child.once('error', (cause) => this.#end(startFailure(options.executable, cause)));
    // Not at `exit`: what it said last may still be in the socket then.
    this.#child.once('close', (code, signal) => this.#end(lost(code, signal)));
    // Without file descriptors to spare, Node makes no streams at all, and `error` follows.
    const channel: unknown = this.#child.stdio?.[CHANNEL_FD];
    this.#channel = channel instanceof Duplex ? channel : undefined;
    this.#channel?.on('data', (chunk: Buffer) => this.#receive(chunk));
    // What went wrong on the socket is told by the end of the process, which follows.
    this.#channel?.on('error', () => this.kill());
    this.#pings = setInterval(() => this.#ping(), PING_EVERY_MS);
    this.#pings.unref();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when the guard has done it; rejects with what it answered, or when it ends before. */
  command(command: GuardCommand, body: Uint8Array = new Uint8Array()): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#failure ?? lost(null, null));
      this.#commands += 1;
      this.#unanswered.set(this.#commands, { resolve, reject });
      this.#channel?.write(encodeCommand(command, this.#commands, body));
    });
  }

  /**
   * Kills it, and with it nothing else: the addresses stay, unguarded, until another is started.
   */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Ends its socket: it withdraws whatever it was told last, and exits. */
  hangUp(): void {
    this.#channel?.end();
  }

  #receive(chunk: Buffer): void {
    this.#silentPings = 0;
    try {
      for (const frame of this.#reader.push(chunk)) this.#obey(frame);
    } catch (cause) {
      this.#failure = new GuardError('Cannot understand the guard', { code: 'guard-lost', cause });
      this.kill();
    }
  }

  #obey(frame: GuardFrame): void {
    switch (frame.kind) {
      case 'ready':
        this.#becomeReady?.resolve();
        break;
      case 'answer': {
        const waiting = this.#unanswered.get(frame.number);
        this.#unanswered.delete(frame.number);
        if (frame.errno === 0) waiting?.resolve();
        else waiting?.reject(refusal(frame.errno));
        break;
      }
      case 'fired':
        this.#options.fired(frame.fired);
        break;
      case 'failed':
        this.#failure = cannotGuard(frame.syscall, frame.errno);
        break;
    }
  }

  #ping(): void {
    if (this.#silentPings < SILENT_PINGS) {
      this.#silentPings += 1;
      this.command('ping').catch(() => {}); // Its end is told by `ended`.
      return;
    }
    // Timers run before sockets are read: after this process was stopped, the answer may be waiting
    // in the socket. setImmediate comes after they have been read.
    setImmediate(() => {
      if (this.#silentPings < SILENT_PINGS || this.#ended) return;
      this.#failure = new GuardError(`Cannot reach the guard: it missed ${SILENT_PINGS} pings`, {
        code: 'guard-silent',
      });
      this.kill();
      // Not when the kernel has ended it, which may take long if it hangs in a system call.
      this.#end(this.#failure);
    });
  }

  #end(error: GuardError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure ??= error;
    clearInterval(this.#pings);
    this.#channel?.destroy();
    this.#becomeReady?.reject(this.#failure);
    for (const { reject } of this.#unanswered.values()) reject(this.#failure);
    this.#unanswered.clear();
    this.#options.ended(this.#failure);
  }
}

function startFailure(executable: string, cause: Error): GuardError {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : 'guard-lost';
  return new GuardError(`Cannot start the guard "${executable}": ${cause.message}`, {
    code,
    hint:
      code === 'ENOENT' ? 'Run npm run setup in the checkout; it compiles the guard' : undefined,
    cause,
  });
}

function lost(code: number | null, signal: NodeJS.Signals | null): GuardError {
  const how = signal === null ? `it exited with ${code}` : `${signal} ended it`;
  return new GuardError(`Cannot reach the guard: ${how}`, { code: 'guard-lost' });
}

function cannotGuard(syscall: string, errno: number): GuardError {
  const code = errnoName(errno);
  return new GuardError(`Cannot guard: ${syscall} failed with ${code}`, {
    code,
    hint: code === 'EPERM' ? 'Run as root, or grant CAP_NET_ADMIN' : undefined,
  });
}

function refusal(errno: number): GuardError {
  const code = errnoName(errno);
  const why = code === 'ETIME' ? 'the deadline has passed' : `it answered ${code}`;
  return new GuardError(`Cannot set what the guard withdraws: ${why}`, { code });
}
