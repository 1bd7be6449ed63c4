import type { LinkAddress } from '../core/plan/state.ts';
import {
  type DeadlinePageHandle,
  type GateHandle,
  loadBinding,
  type NativeBinding,
  type NativeGateForm,
} from './binding.ts';
import { KernelError, kernelErrorOf } from './errors.ts';

export type GateShape = NativeGateForm['shape'];

export interface GateOptions {
  /** The name of its tables: `fairlead` for the default instance, `fairlead-<instance>` else. */
  readonly table: string;
  /** The guard's page, where the deadline is that it is kept open for. */
  readonly page: DeadlinePageHandle;
  /** T: it closes by itself so long after its last renewal. */
  readonly timeoutMs: number;
  /** `armed`, `isOpen`, `rebuilt` or `reopened` changed without a call of ours. */
  onChanged(): void;
  /** For tests: what an older kernel would make of it. */
  readonly testing?: { readonly inetOnly: boolean; readonly ownerless: boolean };
}

/**
 * The gate: nf_tables rules that stop what arrives for a VIP and what leaves in its name, unless a
 * lease of milliseconds lives (docs/explanation/fencing.md, C). The addon renews it by itself while
 * the deadline in the page is far enough away; here is decided when it opens and what it stops.
 */
export interface Gate {
  readonly shape: GateShape;
  /** `nft flush ruleset` leaves it alone. */
  readonly owned: boolean;
  /** How often somebody had taken it away, and it was made again. */
  readonly rebuilt: number;
  /** How often it closed by itself while the right ran on, and opened again. */
  readonly reopened: number;
  /** What the kernel has confirmed that it stops, and nobody has removed since. */
  readonly armed: readonly LinkAddress[];
  /** Whether it was acquired, and renewed within T. */
  readonly isOpen: boolean;
  /** The mark of a frame that closes it; in the shape inet there is none. */
  readonly closeMark: number | undefined;
  /**
   * Makes the list of what it stops exactly this. An address whose link is not there is left out,
   * see `armed`. It may take as long as another process' nf_tables transaction.
   *
   * @throws {KernelError}
   */
  arm(addresses: readonly LinkAddress[]): Promise<void>;
  /**
   * Opens it. When it closes by itself, because the deadline was too near for a while, it has to be
   * acquired again.
   *
   * @throws {KernelError} ETIME: the deadline is less than 2 T away.
   */
  acquire(): Promise<void>;
  /** Resolves when it is closed. */
  close(): Promise<void>;
  /** Closes it and takes its tables away. */
  remove(): Promise<void>;
}

/**
 * Makes the gate's tables, closed, with nothing in them.
 *
 * @throws {KernelError} when nf_tables cannot do it here.
 */
export async function openGate(options: GateOptions): Promise<Gate> {
  const binding = loadBinding();
  const { table, page, timeoutMs, testing } = options;
  const action = `make the gate "${table}"`;
  let handle: GateHandle | undefined;
  try {
    handle = binding.openGate({ table, page, timeoutMs }, testing);
    const form = await binding.createGate(handle);
    return new HeldGate(options, binding, handle, form);
  } catch (err) {
    if (handle !== undefined) binding.releaseGate(handle);
    throw kernelErrorOf(action, err);
  }
}

class HeldGate implements Gate {
  readonly shape: GateShape;
  readonly owned: boolean;
  readonly closeMark: number | undefined;
  readonly #options: GateOptions;
  readonly #binding: NativeBinding;
  readonly #handle: GateHandle;
  #rebuilt = 0;
  #wanted: readonly LinkAddress[] = [];
  #armed: readonly LinkAddress[] = [];
  /** Acquired, and not closed by us. */
  #held = false;
  #mending: Promise<void> | undefined;
  #again = false;
  #removed = false;

  constructor(
    options: GateOptions,
    binding: NativeBinding,
    handle: GateHandle,
    form: NativeGateForm,
  ) {
    this.#options = options;
    this.#binding = binding;
    this.#handle = handle;
    this.shape = form.shape;
    this.owned = form.owned;
    this.closeMark = form.closeMark;
    binding.watchGate(handle, () => this.#mend());
  }

  get rebuilt(): number {
    return this.#rebuilt;
  }

  get reopened(): number {
    return this.#binding.gateReopened(this.#handle);
  }

  get armed(): readonly LinkAddress[] {
    return this.#armed;
  }

  get isOpen(): boolean {
    return this.#held && this.#binding.isGateOpen(this.#handle);
  }

  async arm(addresses: readonly LinkAddress[]): Promise<void> {
    this.#wanted = addresses;
    await this.#arm();
  }

  async acquire(): Promise<void> {
    // Before it is done, so that a close() meanwhile has the last word.
    this.#held = true;
    try {
      await this.#ask('open the gate', this.#binding.acquireGate(this.#handle));
    } catch (err) {
      // Tables that are being made again are opened with that, as long as it counts as held.
      await this.#mending;
      if (this.isOpen) return;
      this.#held = false;
      throw err;
    }
  }

  async close(): Promise<void> {
    this.#held = false;
    await this.#ask('close the gate', this.#binding.shutGate(this.#handle));
  }

  async remove(): Promise<void> {
    if (this.#removed) return;
    this.#removed = true;
    await this.close();
    await this.#mending;
    await this.#ask('remove the gate', this.#binding.removeGate(this.#handle));
    this.#armed = [];
    this.#binding.releaseGate(this.#handle);
  }

  async #arm(): Promise<void> {
    const wanted = this.#wanted;
    const list = wanted.map(({ linkIndex, link, address }) => ({
      link: linkIndex,
      name: link,
      address,
    }));
    const asked = this.#binding.armGate(this.#handle, list);
    let outcome: Awaited<typeof asked>;
    try {
      outcome = await this.#ask(`arm the gate for ${list.length} addresses`, asked);
    } catch (err) {
      this.#armed = []; // In doubt, until it is made again.
      throw err;
    }
    this.#armed = wanted.filter((_, i) => outcome.armed[i]);
    if (!outcome.rebuilt) return;
    this.#rebuilt += 1;
    await this.#reacquire();
  }

  /** A slow machine outlives a ticket; tables that went again meanwhile are made once more. */
  async #reacquire(): Promise<void> {
    if (!this.#held) return;
    try {
      await this.#ask('open the gate', this.#binding.acquireGate(this.#handle));
    } catch (err) {
      if (!(err instanceof KernelError)) throw err;
      if (err.code === 'EAGAIN') return this.#reacquire();
      if (err.code !== 'ENOENT') throw err;
    }
  }

  /** Looks after the tables; what happens meanwhile is looked at once more. */
  #mend(): void {
    if (this.#removed) return;
    // A gate that has only closed is acquired without waiting for a transaction.
    if (this.#held && !this.isOpen) this.#options.onChanged();
    this.#again = true;
    this.#mending ??= this.#mendUntilQuiet().finally(() => {
      this.#mending = undefined;
      this.#options.onChanged();
    });
  }

  async #mendUntilQuiet(): Promise<void> {
    while (this.#again && !this.#removed) {
      this.#again = false;
      try {
        await this.#arm();
      } catch (err) {
        // The next round of the reconciler finds nothing armed, and says what arming it meets.
        if (!(err instanceof KernelError)) throw err;
      }
    }
  }

  async #ask<T>(action: string, asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (err) {
      throw kernelErrorOf(action, err);
    }
  }
}
