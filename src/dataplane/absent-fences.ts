import type { LinkAddress } from '../core/plan/state.ts';
import type { Instant } from '../core/time.ts';
import type { DeadlinePageHandle, NativeBinding } from './binding.ts';
import { loadBinding } from './binding.ts';
import type { KernelError } from './errors.ts';
import type { Guard } from './guard.ts';
import { type AddressRequest, Kernel } from './kernel.ts';

/**
 * What stands where a fence would, in a build for tests that does without it
 * (src/daemon/test-fences.ts). Nothing of this file is in the release.
 */

/** Says that it guards, and does not: there is no process. The deadline is kept all the same. */
export class AbsentGuard implements Guard {
  readonly pid = undefined;
  readonly running = true;
  readonly mode = 'child';
  readonly #binding: NativeBinding = loadBinding();
  readonly page: DeadlinePageHandle = this.#binding.createDeadlinePage().page;
  #addresses: readonly LinkAddress[] = [];

  get addresses(): readonly LinkAddress[] {
    return this.#addresses;
  }

  async guard(addresses: readonly LinkAddress[]): Promise<void> {
    this.#addresses = addresses;
  }

  async setResignation(): Promise<void> {}

  async setGate(): Promise<void> {}

  storeDeadline(deadline: Instant): boolean {
    return this.#binding.storeDeadline(this.page, deadline);
  }

  async close(): Promise<void> {}
}

/** Binds addresses for ever. */
export class EverlastingKernel extends Kernel {
  override addAddresses(
    requests: readonly AddressRequest[],
    notAfter: Instant,
  ): Promise<readonly (KernelError | undefined)[]> {
    const everlasting = requests.map((request) => ({ ...request, validSeconds: -1 }));
    return super.addAddresses(everlasting, notAfter);
  }
}
