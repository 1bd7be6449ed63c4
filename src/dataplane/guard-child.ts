import { type ChildProcess, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { GuardChannel, GuardError, type GuardEvents } from './guard-channel.ts';

const CHANNEL_FD = 3;

export interface GuardChildOptions extends GuardEvents {
  readonly executable: string;
  /** The memfd of the deadline page. */
  readonly deadlinePageFd: number;
}

/** One life of a guard that this process has started. */
export class GuardChild {
  readonly mode = 'child';
  readonly channel: GuardChannel;
  readonly #child: ChildProcess;

  /** Resolves when the guard is ready; rejects when it cannot be. */
  static async start(options: GuardChildOptions): Promise<GuardChild> {
    const guard = new GuardChild(options);
    await guard.channel.ready;
    return guard;
  }

  private constructor({ executable, deadlinePageFd, fired, ended }: GuardChildOptions) {
    // Nothing of the daemon's is inherited but these two: not its terminal, nor a pipe that others
    // read until it closes.
    this.#child = spawn(executable, [], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', deadlinePageFd],
      env: {},
    });
    // Without file descriptors to spare, Node makes no streams at all, and `error` follows.
    const stream: unknown = this.#child.stdio?.[CHANNEL_FD];
    const duplex = stream instanceof Duplex ? stream : undefined;
    this.channel = new GuardChannel(duplex, { fired, ended, failed: () => this.kill() });
    this.#child.once('error', (cause) => this.channel.end(startFailure(executable, cause)));
    // Not at `exit`: what it said last may still be in the socket then.
    this.#child.once('close', (code, signal) => this.channel.end(lost(code, signal)));
    // What went wrong on the socket is told by the end of the process, which follows.
    duplex?.on('error', () => this.kill());
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Ends its socket: it withdraws whatever it was told last, and exits. */
  hangUp(): void {
    this.channel.hangUp();
  }

  /**
   * Kills it, and with it nothing else: the addresses stay, unguarded, until another is started.
   */
  kill(): void {
    this.#child.kill('SIGKILL');
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
