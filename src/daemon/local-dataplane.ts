import type { IpAddress } from '../core/address/ip.ts';
import { ANY_ADDRESS } from '../core/plan/desired.ts';
import { lifetimeSeconds } from '../core/plan/lifetime.ts';
import { type Ownership, sortAddresses } from '../core/plan/ownership.ts';
import type { Action } from '../core/plan/plan.ts';
import type { DataplaneState, LinkAddress, Listener } from '../core/plan/state.ts';
import type { KernelAddress, Link } from '../core/plan/world.ts';
import type { Instant } from '../core/time.ts';
import type { Announcer } from './announcer.ts';
import type { ActionFailure, Dataplane } from './reconciler.ts';
import type { HeldRight } from './right.ts';

/** An address to bind, and for how long. */
export interface LeasedAddress extends LinkAddress {
  readonly validSeconds: number;
}

/** The kernel's part. Results stand in the order of the requests; undefined is success. */
export interface KernelPort {
  links(): Promise<readonly Link[]>;
  addresses(): Promise<readonly KernelAddress[]>;
  addAddresses(
    requests: readonly LeasedAddress[],
    notAfter: Instant,
  ): Promise<readonly (Error | undefined)[]>;
  deleteAddresses(requests: readonly LinkAddress[]): Promise<readonly (Error | undefined)[]>;
}

/** The guard's part: it is observed to know what it confirmed last. */
export interface GuardPort {
  readonly addresses: readonly LinkAddress[];
  guard(addresses: readonly LinkAddress[]): Promise<void>;
}

/** The gate's part: it is observed to be what the kernel confirmed. */
export interface GatePort {
  readonly armed: readonly LinkAddress[];
  readonly isOpen: boolean;
  arm(addresses: readonly LinkAddress[]): Promise<void>;
  /** Resolves when it is open; it stays so as long as the right runs. */
  acquire(): Promise<void>;
  /** Resolves when it is closed. */
  close(): Promise<void>;
}

/** The forwarder's part: it is observed to serve what it opened. */
export interface ForwarderPort {
  readonly listeners: readonly Listener[];
  setListeners(
    listeners: readonly Listener[],
    options: { readonly resetRemoved: boolean },
  ): Promise<readonly { readonly id: string; readonly error: Error }[]>;
  /** Ends the connections that were accepted on these addresses, with a reset. */
  resetConnections(addresses: readonly { readonly address: IpAddress }[]): Promise<void>;
}

/** The VIPs of this instance, and the remembering of those that it is about to bind. */
export interface OwnedPort {
  readonly addresses: ReadonlySet<IpAddress>;
  add(addresses: Iterable<IpAddress>): void;
}

/** What one look at this machine shows. */
export interface Observation {
  readonly links: readonly Link[];
  readonly addresses: readonly KernelAddress[];
  readonly ownership: Ownership;
  readonly state: DataplaneState;
}

/** The parts that a machine's dataplane is made of. */
export interface LocalParts {
  readonly kernel: KernelPort;
  readonly guard: GuardPort;
  /** Undefined where the kernel has none. */
  readonly gate: GatePort | undefined;
  readonly forwarder: ForwarderPort;
  readonly announcer: Announcer;
  readonly right: HeldRight;
  readonly owned: OwnedPort;
  /** The VIPs of the configuration as it is now. */
  readonly configured: () => ReadonlySet<IpAddress>;
}

/** The dataplane of this machine: kernel, guard, forwarder and announcer as one. */
export class LocalDataplane implements Dataplane<Observation> {
  readonly #parts: LocalParts;

  constructor(parts: LocalParts) {
    this.#parts = parts;
  }

  async observe(): Promise<Observation> {
    const { kernel, guard, gate, forwarder, announcer, owned, configured } = this.#parts;
    const [links, addresses] = await Promise.all([kernel.links(), kernel.addresses()]);
    const vips = { configured: configured(), owned: owned.addresses };
    const ownership = sortAddresses(addresses, links, vips);
    return {
      links,
      addresses,
      ownership,
      state: {
        guarded: guard.addresses,
        armed: gate?.armed ?? [],
        gate: gate?.isOpen === true ? 'open' : 'closed',
        addresses: ownership.ours,
        foreign: ownership.foreign,
        listeners: forwarder.listeners,
        announcements: announcer.announcements,
      },
    };
  }

  async apply(action: Action): Promise<readonly ActionFailure[]> {
    const { kernel, guard, gate, forwarder, announcer, owned } = this.#parts;
    switch (action.kind) {
      case 'stop-announcing':
        announcer.stop(action.announcements);
        return [];
      case 'close-listeners':
        return this.#setListeners(action.keep, action.reset);
      case 'close-gate':
        // Behind a closed gate no reset would leave.
        await forwarder.resetConnections(action.addresses).catch(() => undefined);
        await gate?.close();
        return [];
      case 'delete-addresses':
        // While a reset can still be sent: clients of a listener on every address, which stays,
        // would wait for ever, and its IPv6 sockets would go on to send in the VIP's name. Only a
        // forwarder that is closing refuses, and that resets them itself.
        await forwarder.resetConnections(action.addresses).catch(() => undefined);
        return failuresOf(action.addresses, await kernel.deleteAddresses(action.addresses));
      case 'guard-addresses':
        await guard.guard(action.addresses);
        return [];
      case 'arm-gate':
        await gate?.arm(action.addresses);
        return [];
      case 'open-gate':
        await gate?.acquire();
        return [];
      case 'add-addresses':
        owned.add(action.addresses.map((item) => item.address));
        return this.#bind(action.addresses);
      case 'open-listeners':
        return this.#setListeners(action.listeners, false);
      case 'start-announcing':
        await announcer.start(action.announcements);
        return [];
    }
  }

  /** Binds what is held once more, for another lifetime. */
  async refresh(held: readonly LinkAddress[]): Promise<readonly ActionFailure[]> {
    return this.#bind(held);
  }

  async #bind(addresses: readonly LinkAddress[]): Promise<readonly ActionFailure[]> {
    const { kernel, guard, right } = this.#parts;
    // All that are held are refreshed together, so a few that are bound later must last as long.
    const count = Math.max(addresses.length, guard.addresses.length);
    const validSeconds = lifetimeSeconds(count, right.leftMs());
    const requests = addresses.map((item) => ({ ...item, validSeconds }));
    return failuresOf(addresses, await kernel.addAddresses(requests, right.deadline));
  }

  async #setListeners(
    listeners: readonly Listener[],
    resetRemoved: boolean,
  ): Promise<readonly ActionFailure[]> {
    const refused = await this.#parts.forwarder.setListeners(listeners, { resetRemoved });
    return refused.map(({ id, error }) => ({ subject: id, error }));
  }
}

/** The VIPs that take part in a state only while this node holds the right. */
export function servesNothing(state: DataplaneState): boolean {
  const { addresses, foreign, announcements, listeners } = state;
  return (
    addresses.length === 0 &&
    foreign.length === 0 &&
    announcements.length === 0 &&
    listeners.every((listener) => listener.address === ANY_ADDRESS)
  );
}

function failuresOf(
  items: readonly LinkAddress[],
  results: readonly (Error | undefined)[],
): readonly ActionFailure[] {
  return items.flatMap((item, index) => {
    const error = results[index];
    return error === undefined ? [] : [{ subject: item.address, error }];
  });
}
