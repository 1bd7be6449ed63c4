import type { Duplex } from 'node:stream';
import { OperationalError } from '../core/errors.ts';
import { errnoName } from './errors.ts';
import type { GuardCommand, GuardFired, GuardFrame } from './guard-frames.ts';
import { encodeCommand, GuardFrameReader } from './guard-frames.ts';

const PING_EVERY_MS = 1_000;
/** An idle guard needs less than one. */
const ANSWER_WITHIN_MS = 500;
/** To be started, and to lock its memory. */
const READY_WITHIN_MS = 2_000;

/**
 * The guard refused a command, or there is none that could take it. `code` is an errno's name, or
 * `guard-lost` (it ended), `guard-silent` (it did not answer and was killed), `guard-closed`.
 */
export class GuardError extends OperationalError {
  override readonly name = 'GuardError';
}

export interface GuardEvents {
  readonly fired: (fired: GuardFired) => void;
  /** Called once, when this guard is of no use any more. */
  readonly ended: (error: GuardError) => void;
}

export interface ChannelEvents extends GuardEvents {
  /** It answers late or not at all, or what it says makes no sense. `ended` follows. */
  readonly failed: () => void;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: GuardError) => void;
  readonly patience: NodeJS.Timeout;
}

/** The socket to one guard: commands and their answers, and the ping that says that it lives. */
export class GuardChannel {
  /** Resolves when the guard is ready; rejects when it cannot be. */
  readonly ready: Promise<void>;
  readonly #stream: Duplex | undefined;
  readonly #events: ChannelEvents;
  readonly #reader = new GuardFrameReader();
  readonly #unanswered = new Map<number, Waiting>();
  readonly #pings: NodeJS.Timeout;
  #commands = 0;
  #failure: GuardError | undefined;
  #ended = false;

  constructor(stream: Duplex | undefined, events: ChannelEvents) {
    this.#stream = stream;
    this.#events = events;
    // Its number is that of what a guard says unasked.
    this.ready = this.#answer(0, READY_WITHIN_MS);
    stream?.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#pings = setInterval(() => {
      this.command('ping').catch(() => {}); // What came of it is told by `ended`.
    }, PING_EVERY_MS);
    this.#pings.unref();
  }

  /**
   * Resolves when the guard has done it; rejects with what it answered, or when it ends before.
   *
   * @param workMs How long it may work at it, beyond the time that any answer takes.
   */
  command(command: GuardCommand, body: Uint8Array = new Uint8Array(), workMs = 0): Promise<void> {
    if (this.#ended) return Promise.reject(this.#failure ?? closed());
    this.#commands += 1;
    const answered = this.#answer(this.#commands, ANSWER_WITHIN_MS + workMs);
    this.#stream?.write(encodeCommand(command, this.#commands, body));
    return answered;
  }

  /** Ends what is said to the guard; what it says last is still heard. */
  hangUp(): void {
    this.#stream?.end();
  }

  /** Nothing is expected of the guard any more. What is unanswered fails with the first reason. */
  end(error: GuardError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure ??= error;
    clearInterval(this.#pings);
    this.#stream?.destroy();
    for (const { reject, patience } of this.#unanswered.values()) {
      clearTimeout(patience);
      reject(this.#failure);
    }
    this.#unanswered.clear();
    this.#events.ended(this.#failure);
  }

  #answer(number: number, withinMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const patience = setTimeout(() => this.#doubt(number), withinMs).unref();
      this.#unanswered.set(number, { resolve, reject, patience });
    });
  }

  /**
   * Timers run before sockets are read: after this process was stopped or blocked, the answer may
   * be waiting in the socket. setImmediate comes after they have been read.
   */
  #doubt(number: number): void {
    setImmediate(() => {
      if (!this.#unanswered.has(number)) return;
      this.#failure ??= new GuardError('Cannot reach the guard: it does not answer', {
        code: 'guard-silent',
      });
      this.#events.failed();
      // Not when the kernel has ended it, which may take long if it hangs in a system call.
      this.end(this.#failure);
    });
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.push(chunk)) this.#obey(frame);
    } catch (cause) {
      this.#failure = new GuardError('Cannot understand the guard', { code: 'guard-lost', cause });
      this.#events.failed();
    }
  }

  #obey(frame: GuardFrame): void {
    switch (frame.kind) {
      case 'ready':
        this.#settle(0, 0);
        break;
      case 'answer':
        this.#settle(frame.number, frame.errno);
        break;
      case 'fired':
        this.#events.fired(frame.fired);
        break;
      case 'failed':
        this.end(cannotGuard(frame.syscall, frame.errno));
        break;
    }
  }

  #settle(number: number, errno: number): void {
    const waiting = this.#unanswered.get(number);
    if (waiting === undefined) return;
    this.#unanswered.delete(number);
    clearTimeout(waiting.patience);
    if (errno === 0) waiting.resolve();
    else waiting.reject(refusal(errno));
  }
}

function closed(): GuardError {
  return new GuardError('Cannot reach the guard: it was dismissed', { code: 'guard-closed' });
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
