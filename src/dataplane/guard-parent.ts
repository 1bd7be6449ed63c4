import { Socket } from 'node:net';
import type { DeadlinePageHandle, NativeBinding } from './binding.ts';
import { GuardChannel, GuardError, type GuardEvents } from './guard-channel.ts';

/** What a guard that starts the daemon gives it (native/guard/protocol.h). */
const CHANNEL_FD = 3;
const PAGE_FD = 4;

/** The page that the guard which started this process shares with it. */
export interface InheritedPage {
  readonly page: DeadlinePageHandle;
  readonly fd: number;
}

/**
 * Undefined when no guard has started this process. Once: what this process starts in turn is not
 * to take its guard for its own.
 */
export function inheritPage(binding: NativeBinding): InheritedPage | undefined {
  const said = process.env['FAIRLEAD_GUARD'];
  delete process.env['FAIRLEAD_GUARD'];
  if (said !== 'parent') return undefined;
  return binding.adoptDeadlinePage({ channelFd: CHANNEL_FD, pageFd: PAGE_FD }) ?? undefined;
}

/** The guard that has started this process, and ends with it. */
export class GuardParent {
  readonly mode = 'parent';
  readonly pid = process.ppid;
  readonly channel: GuardChannel;

  /** Resolves when the guard is ready; rejects when it cannot be. */
  static async meet(events: GuardEvents): Promise<GuardParent> {
    const guard = new GuardParent(events);
    await guard.channel.ready;
    return guard;
  }

  private constructor({ fired, ended }: GuardEvents) {
    const socket = new Socket({ fd: CHANNEL_FD });
    this.channel = new GuardChannel(socket, { fired, ended, failed: () => this.#dismiss() });
    socket.on('error', () => {}); // `close` follows.
    socket.once('close', () => this.channel.end(lost()));
  }

  /** Lets go of it. It goes on to wait for the end of this process, whatever that is about. */
  hangUp(): void {
    this.channel.end(new GuardError('Cannot reach the guard: dismissed', { code: 'guard-closed' }));
  }

  /** As far as it can be: process 1 cannot be killed from within. */
  kill(): void {
    this.hangUp();
  }

  /**
   * Should a guard that hangs ever wake, it finds empty lists before it finds the socket's end, and
   * leaves to its successor what is not its business any more.
   */
  #dismiss(): void {
    for (const command of ['set-resignation', 'set-addresses'] as const) {
      this.channel.command(command).catch(() => {});
    }
  }
}

function lost(): GuardError {
  return new GuardError('Cannot reach the guard: it started this process, and is gone', {
    code: 'guard-lost',
  });
}
