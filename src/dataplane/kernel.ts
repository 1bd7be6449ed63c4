import type { IpAddress } from '../core/address/ip.ts';
import { invariant } from '../core/invariant.ts';
import type { Instant } from '../core/time.ts';
import { inBatches } from './batches.ts';
import {
  type KernelHandle,
  loadBinding,
  type NativeAddressRequest,
  type NativeBinding,
  type NativeClaimReport,
  type NativeFailure,
  type NativeKernelEvent,
  type NativeLink,
} from './binding.ts';
import { KernelError, kernelErrorOf } from './errors.ts';
import { type AnnouncementRequest, announce, probe } from './neighbors.ts';
import { keepSecondaries } from './secondaries.ts';

export type { NativeKernelEvent as KernelEvent, NativeLink as Link } from './binding.ts';

/** An address on a link, as the kernel keeps it. */
export interface BoundAddress {
  /** The kernel's index of the link. */
  readonly linkIndex: number;
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** Carries our owner tag. */
  readonly tagged: boolean;
  /** Seconds until the kernel removes it, or -1 for never. */
  readonly validSeconds: number;
  /** IPv6: duplicate address detection is not through, or has failed. */
  readonly tentative: boolean;
  readonly dadFailed: boolean;
}

/** An address to delete. */
export interface AddressRef {
  readonly linkIndex: number;
  /** The link's name, for messages. */
  readonly link: string;
  readonly address: IpAddress;
  readonly prefixLength: number;
}

/** An address to bind. */
export interface AddressRequest extends AddressRef {
  /** Seconds until the kernel shall remove it by itself, or -1 for never. */
  readonly validSeconds: number;
}

/**
 * Links and addresses of one network namespace, by rtnetlink, and the announcing of addresses.
 *
 * Requests are performed in the order of the calls, on a thread of their own. What the kernel
 * refuses for one element of a batch stands at its place in the result; a call that fails as a
 * whole rejects.
 */
export class Kernel {
  readonly #binding: NativeBinding;
  readonly #handle: KernelHandle;
  /** /proc/sys shows the network of the process that opens it. */
  readonly #isOwnNetwork: boolean;

  /**
   * @param options.netns - A path such as /proc/1/ns/net; without it, the namespace of this
   *   process.
   * @throws {AddonLoadError}
   * @throws {KernelError} when the sockets cannot be opened there.
   */
  constructor(options: { readonly netns?: string } = {}) {
    this.#binding = loadBinding();
    const { netns } = options;
    this.#isOwnNetwork = netns === undefined;
    const subject = netns === undefined ? 'the network' : `the network of "${netns}"`;
    try {
      this.#handle = this.#binding.openKernel(netns === undefined ? {} : { netns });
    } catch (err) {
      throw kernelErrorOf(`open ${subject}`, err);
    }
  }

  async links(): Promise<readonly NativeLink[]> {
    return this.#ask('list the links', this.#binding.listLinks(this.#handle));
  }

  async addresses(): Promise<readonly BoundAddress[]> {
    const found = await this.#ask('list the addresses', this.#binding.listAddresses(this.#handle));
    // Written out, like all that is done for thousands at a time: spreading is many times dearer.
    return found.map((item) => ({
      linkIndex: item.link,
      address: item.address,
      prefixLength: item.prefixLength,
      tagged: item.tagged,
      validSeconds: item.validSeconds,
      tentative: item.tentative,
      dadFailed: item.dadFailed,
    }));
  }

  /**
   * Binds addresses, or gives those that are bound the new lifetime. What is reached after
   * `notAfter` is refused with ETIME. Idempotent.
   */
  async addAddresses(
    requests: readonly AddressRequest[],
    notAfter: Instant,
  ): Promise<readonly (KernelError | undefined)[]> {
    if (this.#isOwnNetwork) keepSecondaries(requests);
    const asked = inBatches(requests, (batch) =>
      this.#binding.addAddresses(this.#handle, batch.map(toNative), { notAfterMs: notAfter }),
    );
    const failures = await this.#ask(`bind ${requests.length} addresses`, asked);
    return failuresOf(failures, (i) => `bind ${describe(requests[i], 'to')}`);
  }

  /** Deletes addresses. One that is not there counts as deleted. */
  async deleteAddresses(
    requests: readonly AddressRef[],
  ): Promise<readonly (KernelError | undefined)[]> {
    if (this.#isOwnNetwork) keepSecondaries(requests);
    const asked = inBatches(requests, (batch) =>
      this.#binding.deleteAddresses(this.#handle, batch.map(toNativeRef)),
    );
    const failures = await this.#ask(`delete ${requests.length} addresses`, asked);
    return failuresOf(failures, (i) => `delete ${describe(requests[i], 'from')}`);
  }

  /**
   * Announces each address once; what is reached after `notAfter` is refused.
   *
   * @throws {KernelError} for the first that was refused. The others were sent.
   */
  async announce(requests: readonly AnnouncementRequest[], notAfter: Instant): Promise<void> {
    await announce(this.#binding, this.#handle, requests, notAfter);
  }

  /** Asks once who has each address; throws as `announce` does. */
  async probe(requests: readonly AnnouncementRequest[], notAfter: Instant): Promise<void> {
    await probe(this.#binding, this.#handle, requests, notAfter);
  }

  /**
   * Calls back with the claims of other machines to what `setWatched` names, in batches, until
   * close(). To be called once.
   */
  async watchClaims(listener: (report: NativeClaimReport) => void): Promise<void> {
    // A call that cannot begin throws, which is a rejection here.
    const watching = async (): Promise<void> => this.#binding.watchClaims(this.#handle, listener);
    await this.#ask('watch for other holders of the VIPs', watching());
  }

  /**
   * Watches these addresses and no others. A claim from one of `own`, this machine's hardware
   * addresses, is none: with two links on one segment each hears the other.
   */
  setWatched(
    addresses: readonly { readonly linkIndex: number; readonly address: IpAddress }[],
    own: readonly { readonly mac: string }[],
  ): void {
    const watched = addresses.map(({ linkIndex, address }) => ({ link: linkIndex, address }));
    try {
      this.#binding.setWatchedAddresses(this.#handle, watched, own);
    } catch (err) {
      throw kernelErrorOf('watch for other holders of the VIPs', err);
    }
  }

  /** Calls back with what changes, in batches, from now until close(). To be called once. */
  watch(listener: (events: readonly NativeKernelEvent[]) => void): void {
    try {
      this.#binding.watchKernel(this.#handle, listener);
    } catch (err) {
      throw kernelErrorOf('watch links and addresses', err);
    }
  }

  /**
   * Ends the thread and the watch; what it has not begun is rejected with ECANCELED. Idempotent.
   */
  close(): void {
    this.#binding.closeKernel(this.#handle);
  }

  async #ask<T>(action: string, asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (err) {
      throw kernelErrorOf(action, err);
    }
  }
}

function failuresOf(
  failures: readonly (NativeFailure | null)[],
  action: (index: number) => string,
): readonly (KernelError | undefined)[] {
  return failures.map((failure, i) =>
    failure === null ? undefined : new KernelError(action(i), failure),
  );
}

function toNative(request: AddressRequest): NativeAddressRequest {
  const { linkIndex, address, prefixLength, validSeconds } = request;
  return { link: linkIndex, address, prefixLength, validSeconds };
}

function toNativeRef(request: AddressRef): NativeAddressRequest {
  const { linkIndex, address, prefixLength } = request;
  return { link: linkIndex, address, prefixLength, validSeconds: -1 };
}

function describe(item: AddressRef | undefined, preposition: 'to' | 'from'): string {
  invariant(item !== undefined, 'the addon answers each request, and no other');
  return `${item.address}/${item.prefixLength} ${preposition} "${item.link}"`;
}
