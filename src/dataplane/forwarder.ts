import { formatEndpoint, type IpAddress } from '../core/address/ip.ts';
import type { Listener } from '../core/plan/state.ts';
import {
  type ForwarderHandle,
  loadBinding,
  type NativeBinding,
  type NativeListener,
  type NativeListenerCounters,
} from './binding.ts';
import { KernelError, kernelErrorOf } from './errors.ts';

export type { NativeListenerCounters as ListenerCounters } from './binding.ts';

/** A listener that could not be opened, and why. */
export interface RefusedListener {
  readonly id: string;
  readonly error: KernelError;
}

/**
 * The TCP forwarder: accepts connections on listeners and joins each to a backend, on threads of
 * its own. The JavaScript thread only says what is wanted, and reads counters.
 */
export class Forwarder {
  readonly #binding: NativeBinding;
  readonly #handle: ForwarderHandle;
  #listeners: readonly Listener[] = [];

  /**
   * @param options.threads - How many threads forward; at least 1.
   * @param options.busyPollUs - How long each asks for work before it sleeps; by default it sleeps
   *   at once.
   * @throws {AddonLoadError}
   * @throws {KernelError} when the threads cannot be had.
   */
  constructor(options: { readonly threads: number; readonly busyPollUs?: number }) {
    this.#binding = loadBinding();
    try {
      this.#handle = this.#binding.openForwarder({ busyPollUs: 0, ...options });
    } catch (err) {
      throw kernelErrorOf(`start ${options.threads} forwarding threads`, err);
    }
  }

  /** What is open, as it was asked for. */
  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  /**
   * Makes the listeners exactly these, and returns those that could not be opened. Listeners that
   * stay keep their connections; those of a listener that goes are reset when `resetRemoved`, else
   * they may go on for its `drainMs`. When this settles, what went away no longer accepts. Calls
   * take effect in their order.
   *
   * @throws {KernelError} `ECANCELED` when the forwarder is closed first, `ENOBUFS` when more than
   *   64
   * calls wait.
   */
  async setListeners(
    wanted: readonly Listener[],
    options: { readonly resetRemoved: boolean },
  ): Promise<readonly RefusedListener[]> {
    const failures = await this.#failuresOf(wanted, options);
    this.#listeners = wanted.filter(({ id }) => !failures.has(id));
    return wanted.flatMap(({ id, address, port }) => {
      const failure = failures.get(id);
      if (failure === undefined) return [];
      const action = `listen on "${formatEndpoint(address, port)}"`;
      return [{ id, error: new KernelError(action, failure) }];
    });
  }

  async #failuresOf(wanted: readonly Listener[], options: { readonly resetRemoved: boolean }) {
    try {
      const outcomes = await this.#binding.setListeners(
        this.#handle,
        wanted.map(toNative),
        options,
      );
      return new Map(
        outcomes.flatMap(({ id, failure }) => (failure === null ? [] : [[id, failure] as const])),
      );
    } catch (err) {
      throw kernelErrorOf('change the listeners', err);
    }
  }

  /**
   * Resets every connection that was accepted on one of these addresses, also by a listener on
   * every address that stays open. To be called before the addresses are deleted: a reset that the
   * kernel cannot send any more leaves clients waiting, and an IPv6 socket would go on to send in
   * the name of an address that is another node's by then.
   *
   * @throws {KernelError} as setListeners() does.
   */
  async resetConnections(addresses: readonly { readonly address: IpAddress }[]): Promise<void> {
    try {
      await this.#binding.resetConnections(
        this.#handle,
        addresses.map(({ address }) => ({ address })),
      );
    } catch (err) {
      throw kernelErrorOf('reset connections', err);
    }
  }

  /** What was counted for each open listener since it was opened. Never waits. */
  counters(): readonly NativeListenerCounters[] {
    return this.#binding.readCounters(this.#handle);
  }

  /** Stops accepting, resets every connection and ends the threads. Idempotent. */
  close(): void {
    this.#binding.closeForwarder(this.#handle);
    this.#listeners = [];
  }
}

function toNative(listener: Listener): NativeListener {
  return {
    id: listener.id,
    address: listener.address,
    port: listener.port,
    backends: listener.backends,
    algorithm: listener.algorithm,
    proxyProtocol: listener.proxyProtocol,
    connectTimeoutMs: listener.connectTimeoutMs,
    idleTimeoutMs: listener.idleTimeoutMs,
    maxConnections: listener.maxConnections,
    drainMs: listener.drainMs,
  };
}
