import type { LinkAddress } from '../core/plan/state.ts';
import type { Instant } from '../core/time.ts';
import type { DeadlinePageHandle, NativeBinding } from './binding.ts';
import { loadBinding, nativeExecutable } from './binding.ts';
import { GuardError } from './guard-channel.ts';
import { GuardChild } from './guard-child.ts';
import type { GuardFired, ResignationDatagram } from './guard-frames.ts';
import { encodeAddresses, encodeGate, encodeResignation } from './guard-frames.ts';
import { GuardParent, type InheritedPage, inheritPage } from './guard-parent.ts';

export { GuardError } from './guard-channel.ts';
export type { GuardFired, ResignationDatagram } from './guard-frames.ts';

/**
 * How long this process may be without a guard before it counts as having none: until then it is
 * the only one that can withdraw.
 */
const REPLACED_WITHIN_MS = 100;
/** A guard that lived this long was well: the next failure is a new one. */
const WELL_AFTER_MS = 10_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;
/** An orderly end takes two answers; after this it is no longer orderly. */
const CLOSE_WITHIN_MS = 1_000;
/** Beside others on the routing lock, deleting an address takes a tenth of this. */
const WORK_MS_PER_ADDRESS = 0.2;

export interface GuardOptions {
  /** The path of the executable, if not the one beside the addon. */
  readonly executable?: string;
  /**
   * The deadline passed and the guard has withdrawn. The right that the deadline belonged to is
   * over: the resignation, if there was one, has told the others that they need not wait.
   */
  onFired(fired: GuardFired): void;
  /** The guard is gone; `error` says how. Another one runs in its place, and knows what it knew. */
  onReplaced(error: GuardError): void;
  /** There is no guard now; another one is started. `retryInMs` grows while that fails. */
  onDegraded(error: GuardError, retryInMs: number): void;
  /** A guard runs again, and knows what the one before it knew. */
  onRestored(): void;
  /**
   * The guard that started this process is gone. No other is started: whoever started the guard
   * takes the daemon for dead and may start another, so this process has to leave.
   */
  onOrphaned(error: GuardError): void;
}

/** How the guard runs: started by this process, or the one that started it. */
export type GuardMode = 'child' | 'parent';

/**
 * Starts the guard, unless it was the guard that has started this process: the one that withdraws
 * the VIPs when this one cannot (see native/guard/main.cc). Resolves when it is ready.
 *
 * @throws {GuardError} when it cannot be started, or may not do its work.
 * @throws {AddonLoadError} when this checkout or package has not got it.
 */
export async function startGuard(options: GuardOptions): Promise<Guard> {
  const binding = loadBinding();
  const executable = options.executable ?? nativeExecutable('fairlead-guard');
  const inherited = inheritPage(binding);
  const page = inherited ?? binding.createDeadlinePage();
  const guard = new HeldGuard(options, { binding, executable, inherited, ...page });
  await guard.start();
  return guard;
}

/** The daemon's hold on its guard. */
export interface Guard {
  readonly pid: number | undefined;
  /** Whether a guard runs and answers. Without one, nothing may be bound. */
  readonly running: boolean;
  readonly mode: GuardMode;
  /** What the guard has confirmed to know. Empty after it fired, and while there is none. */
  readonly addresses: readonly LinkAddress[];
  /** Where `storeDeadline` stores. */
  readonly page: DeadlinePageHandle;
  /**
   * Makes the list of what to withdraw exactly this. Resolves when the guard has answered that it
   * knows; to be awaited before an address is bound, and with the deadline stored before.
   *
   * @throws {GuardError} ETIME: the deadline has passed, and what was listed is withdrawn.
   */
  guard(addresses: readonly LinkAddress[]): Promise<void>;
  /** Makes the messages that follow a withdrawal exactly these. */
  setResignation(datagrams: readonly ResignationDatagram[]): Promise<void>;
  /**
   * How the gate is closed before anything is deleted: by the frame of native/base/gate_frame.h on
   * lo with this mark. Undefined: there is no gate.
   *
   * @throws {GuardError} EPERM: it was started without CAP_NET_RAW.
   */
  setGate(closeMark: number | undefined): Promise<void>;
  /** See `storeDeadline` of the binding: false when the right is over. */
  storeDeadline(deadline: Instant): boolean;
  /**
   * Empties the lists, and lets the guard go once it has confirmed that: nothing is withdrawn. A
   * child ends, a parent waits for the end of this process.
   */
  close(): Promise<void>;
}

interface NativeParts {
  readonly binding: NativeBinding;
  readonly executable: string;
  readonly inherited: InheritedPage | undefined;
  readonly page: DeadlinePageHandle;
  readonly fd: number;
}

class HeldGuard implements Guard {
  readonly #options: GuardOptions;
  readonly #native: NativeParts;
  #life: GuardChild | GuardParent | undefined;
  #mode: GuardMode = 'child';
  #running = false;
  #wanted: readonly LinkAddress[] = [];
  #known: readonly LinkAddress[] = [];
  #resignation: readonly ResignationDatagram[] = [];
  #closeMark: number | undefined;
  #loss: GuardError | undefined;
  #replaced: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryInMs = 0;
  #well: NodeJS.Timeout | undefined;
  #closed = false;
  /** A deadline is in the page. */
  #armed = false;
  #lifeEnded: () => void = () => {};

  constructor(options: GuardOptions, native: NativeParts) {
    this.#options = options;
    this.#native = native;
  }

  get pid(): number | undefined {
    return this.#life?.pid;
  }

  get running(): boolean {
    return this.#running;
  }

  get mode(): GuardMode {
    return this.#mode;
  }

  get addresses(): readonly LinkAddress[] {
    return this.#known;
  }

  get page(): DeadlinePageHandle {
    return this.#native.page;
  }

  async start(): Promise<void> {
    await this.#begin(this.#native.inherited === undefined ? 'child' : 'parent');
    this.#running = true;
  }

  async #begin(mode: GuardMode): Promise<void> {
    let life: GuardChild | GuardParent | undefined;
    const events = {
      fired: (fired: GuardFired) => this.#fired(fired),
      ended: (error: GuardError) => {
        // One that never became ready has rejected `start`, which is told to whoever called that.
        if (life !== undefined) this.#lost(error);
      },
    };
    const { executable, fd: deadlinePageFd } = this.#native;
    life =
      mode === 'parent'
        ? await GuardParent.meet(events)
        : await GuardChild.start({ executable, deadlinePageFd, ...events });
    this.#life = life;
    this.#mode = mode;
    this.#well = setTimeout(() => {
      this.#retryInMs = 0;
    }, WELL_AFTER_MS).unref();
  }

  async guard(addresses: readonly LinkAddress[]): Promise<void> {
    this.#wanted = addresses;
    const workMs = addresses.length * WORK_MS_PER_ADDRESS;
    await this.#live().channel.command('set-addresses', encodeAddresses(addresses), workMs);
    // An answer that a withdrawal or a newer list has overtaken says nothing about now.
    if (this.#wanted === addresses) this.#known = addresses;
  }

  async setResignation(datagrams: readonly ResignationDatagram[]): Promise<void> {
    this.#resignation = datagrams;
    await this.#live().channel.command('set-resignation', encodeResignation(datagrams));
  }

  async setGate(closeMark: number | undefined): Promise<void> {
    this.#closeMark = closeMark;
    await this.#live().channel.command('set-gate', encodeGate(closeMark));
  }

  storeDeadline(deadline: Instant): boolean {
    const stored = this.#native.binding.storeDeadline(this.#native.page, deadline);
    const armed = stored && deadline !== 0;
    // A guard that knew its list before there was a deadline sleeps: any word has it look at the
    // page. It is in the socket before anything is bound, and so nobody waits for the answer.
    if (armed && !this.#armed) this.#life?.channel.command('ping').catch(() => {});
    this.#armed = armed;
    return stored;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#running = false;
    clearTimeout(this.#replaced);
    clearTimeout(this.#retry);
    clearTimeout(this.#well);
    const life = this.#life;
    if (life === undefined) return;
    const ended = new Promise<void>((resolve) => {
      this.#lifeEnded = resolve;
    });
    const impatience = setTimeout(() => life.kill(), CLOSE_WITHIN_MS);
    try {
      await life.channel.command('set-resignation');
      await life.channel.command('set-addresses');
      life.hangUp();
    } catch {
      life.kill(); // It would withdraw what is no longer its business.
    }
    await ended;
    clearTimeout(impatience);
  }

  #live(): GuardChild | GuardParent {
    if (this.#life !== undefined) return this.#life;
    const code = this.#closed ? 'guard-closed' : 'guard-lost';
    throw new GuardError('Cannot set what the guard withdraws: there is no guard', { code });
  }

  #fired(fired: GuardFired): void {
    this.#wanted = this.#known = [];
    this.#options.onFired(fired);
  }

  #lost(error: GuardError): void {
    this.#life = undefined;
    this.#known = [];
    this.#lifeEnded();
    if (this.#closed) return;
    if (this.#mode === 'parent' && error.code === 'guard-lost') {
      this.#running = false;
      this.#options.onOrphaned(error);
      return;
    }
    this.#loss = error;
    this.#replaced ??= setTimeout(() => this.#degrade(), REPLACED_WITHIN_MS);
    this.#scheduleRestart(error);
  }

  #degrade(): void {
    if (!this.#running || this.#loss === undefined) return;
    this.#running = false;
    this.#options.onDegraded(this.#loss, this.#retryInMs);
  }

  /** The first time at once. */
  #scheduleRestart(error: GuardError): void {
    clearTimeout(this.#well);
    const retryInMs = this.#retryInMs;
    this.#retryInMs = Math.min(Math.max(2 * retryInMs, FIRST_RETRY_MS), LONGEST_RETRY_MS);
    this.#loss = error;
    if (!this.#running) this.#options.onDegraded(error, retryInMs);
    this.#retry = setTimeout(() => void this.#restart(), retryInMs);
  }

  async #restart(): Promise<void> {
    try {
      await this.#begin('child');
    } catch (cause) {
      if (!this.#closed) this.#scheduleRestart(asGuardError(cause));
      return;
    }
    if (this.#closed) return this.#life?.kill();
    // Refused because the deadline has passed, they are withdrawn, and `onFired` has told. The
    // addresses before the resignation: were this process killed in between, the guard would send
    // it with nothing deleted. An old resignation does no harm: it speaks of its own term only.
    await Promise.allSettled([
      this.setGate(this.#closeMark),
      this.guard(this.#wanted),
      this.setResignation(this.#resignation),
    ]);
    if (this.#life === undefined || this.#closed) return;
    clearTimeout(this.#replaced);
    this.#replaced = undefined;
    if (this.#running && this.#loss !== undefined) return this.#options.onReplaced(this.#loss);
    this.#running = true;
    this.#options.onRestored();
  }
}

function asGuardError(cause: unknown): GuardError {
  if (cause instanceof GuardError) return cause;
  return new GuardError('Cannot start the guard', { code: 'guard-lost', cause });
}
