import type { LinkAddress } from '../core/plan/state.ts';
import type { Instant } from '../core/time.ts';
import type { DeadlinePageHandle, NativeBinding } from './binding.ts';
import { loadBinding, nativeExecutable } from './binding.ts';
import { GuardChild, GuardError } from './guard-child.ts';
import type { GuardFired, ResignationDatagram } from './guard-frames.ts';
import { encodeAddresses, encodeResignation } from './guard-frames.ts';

export { GuardError } from './guard-child.ts';
export type { GuardFired, ResignationDatagram } from './guard-frames.ts';

/** A guard that lived this long was well: the next failure is a new one. */
const WELL_AFTER_MS = 10_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;
/** An orderly end takes two answers; after this it is no longer orderly. */
const CLOSE_WITHIN_MS = 1_000;

export interface GuardOptions {
  /** The path of the executable, if not the one beside the addon. */
  readonly executable?: string;
  /**
   * The deadline passed and the guard has withdrawn. The right that the deadline belonged to is
   * over: the resignation, if there was one, has told the others that they need not wait.
   */
  onFired(fired: GuardFired): void;
  /** There is no guard now; another one is started. `retryInMs` grows while that fails. */
  onDegraded(error: GuardError, retryInMs: number): void;
  /** A guard runs again, and knows what the one before it knew. */
  onRestored(): void;
}

/**
 * Starts the guard: the process that withdraws the VIPs when this one cannot (see
 * native/guard/main.cc). Resolves when it is ready.
 *
 * @throws {GuardError} when it cannot be started, or may not do its work.
 * @throws {AddonLoadError} when this checkout or package has not got it.
 */
export async function startGuard(options: GuardOptions): Promise<Guard> {
  const binding = loadBinding();
  const executable = options.executable ?? nativeExecutable('fairlead-guard');
  const guard = new ChildGuard(options, { binding, executable, ...binding.createDeadlinePage() });
  await guard.start();
  return guard;
}

/** The daemon's hold on its guard. */
export interface Guard {
  readonly pid: number | undefined;
  /** Whether a guard runs and answers. Without one, nothing may be bound. */
  readonly running: boolean;
  /** What the guard has confirmed to know. Empty after it fired, and while there is none. */
  readonly addresses: readonly LinkAddress[];
  /**
   * Makes the list of what to withdraw exactly this. Resolves when the guard has answered that it
   * knows; to be awaited before an address is bound, and with the deadline stored before.
   *
   * @throws {GuardError} ETIME: the deadline has passed, and what was listed is withdrawn.
   */
  guard(addresses: readonly LinkAddress[]): Promise<void>;
  /** Makes the messages that follow a withdrawal exactly these. */
  setResignation(datagrams: readonly ResignationDatagram[]): Promise<void>;
  /** See `storeDeadline` of the binding: false when the guard has fired, and the right is over. */
  storeDeadline(deadline: Instant): boolean;
  /** Empties the lists, and ends the guard once it has confirmed that: nothing is withdrawn. */
  close(): Promise<void>;
}

interface NativeParts {
  readonly binding: NativeBinding;
  readonly executable: string;
  readonly page: DeadlinePageHandle;
  readonly fd: number;
}

class ChildGuard implements Guard {
  readonly #options: GuardOptions;
  readonly #native: NativeParts;
  #child: GuardChild | undefined;
  #running = false;
  #wanted: readonly LinkAddress[] = [];
  #known: readonly LinkAddress[] = [];
  #resignation: readonly ResignationDatagram[] = [];
  #retry: NodeJS.Timeout | undefined;
  #retryInMs = 0;
  #well: NodeJS.Timeout | undefined;
  #closed = false;
  #childEnded: () => void = () => {};

  constructor(options: GuardOptions, native: NativeParts) {
    this.#options = options;
    this.#native = native;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get running(): boolean {
    return this.#running;
  }

  get addresses(): readonly LinkAddress[] {
    return this.#known;
  }

  async start(): Promise<void> {
    let child: GuardChild | undefined;
    child = await GuardChild.start({
      executable: this.#native.executable,
      deadlinePageFd: this.#native.fd,
      fired: (fired) => this.#fired(fired),
      ended: (error) => {
        // One that never became ready has rejected `start`, which is told to whoever called that.
        if (child !== undefined) this.#lost(error);
      },
    });
    this.#child = child;
    this.#running = true;
    this.#well = setTimeout(() => {
      this.#retryInMs = 0;
    }, WELL_AFTER_MS).unref();
  }

  async guard(addresses: readonly LinkAddress[]): Promise<void> {
    this.#wanted = addresses;
    await this.#live().command('set-addresses', encodeAddresses(addresses));
    // An answer that a withdrawal or a newer list has overtaken says nothing about now.
    if (this.#wanted === addresses) this.#known = addresses;
  }

  async setResignation(datagrams: readonly ResignationDatagram[]): Promise<void> {
    this.#resignation = datagrams;
    await this.#live().command('set-resignation', encodeResignation(datagrams));
  }

  storeDeadline(deadline: Instant): boolean {
    return this.#native.binding.storeDeadline(this.#native.page, deadline);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#running = false;
    clearTimeout(this.#retry);
    clearTimeout(this.#well);
    const child = this.#child;
    if (child === undefined) return;
    const ended = new Promise<void>((resolve) => {
      this.#childEnded = resolve;
    });
    const impatience = setTimeout(() => child.kill(), CLOSE_WITHIN_MS);
    try {
      await child.command('set-resignation');
      await child.command('set-addresses');
      child.hangUp();
    } catch {
      child.kill(); // It would withdraw what is no longer its business.
    }
    await ended;
    clearTimeout(impatience);
  }

  #live(): GuardChild {
    if (this.#child !== undefined && this.#running) return this.#child;
    const code = this.#closed ? 'guard-closed' : 'guard-lost';
    throw new GuardError('Cannot set what the guard withdraws: there is no guard', { code });
  }

  #fired(fired: GuardFired): void {
    this.#wanted = this.#known = [];
    this.#options.onFired(fired);
  }

  #lost(error: GuardError): void {
    this.#child = undefined;
    this.#known = [];
    this.#running = false;
    this.#childEnded();
    if (this.#closed) return;
    this.#scheduleRestart(error);
  }

  /** The first time at once: until then, this process is the only one that can withdraw. */
  #scheduleRestart(error: GuardError): void {
    clearTimeout(this.#well);
    const retryInMs = this.#retryInMs;
    this.#retryInMs = Math.min(Math.max(2 * retryInMs, FIRST_RETRY_MS), LONGEST_RETRY_MS);
    this.#options.onDegraded(error, retryInMs);
    this.#retry = setTimeout(() => void this.#restart(), retryInMs);
  }

  async #restart(): Promise<void> {
    try {
      await this.start();
    } catch (cause) {
      if (!this.#closed) this.#scheduleRestart(asGuardError(cause));
      return;
    }
    if (this.#closed) return this.#child?.kill();
    // Refused because the deadline has passed, they are withdrawn, and `onFired` has told. The
    // addresses first: were this process killed in between, the guard would send the resignation
    // with nothing deleted. An old resignation does no harm: it speaks of its own term only.
    await Promise.allSettled([this.guard(this.#wanted), this.setResignation(this.#resignation)]);
    if (this.#running) this.#options.onRestored();
  }
}

function asGuardError(cause: unknown): GuardError {
  if (cause instanceof GuardError) return cause;
  return new GuardError('Cannot start the guard', { code: 'guard-lost', cause });
}
