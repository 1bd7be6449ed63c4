import {
  type Announcement,
  addressKey,
  announcementKey,
  type DataplaneState,
  type LinkAddress,
  type Listener,
  listenerKey,
} from './state.ts';

/** One idempotent step towards the desired state. Each carries a batch: VIPs come in thousands. */
export type Action =
  | { readonly kind: 'stop-announcing'; readonly announcements: readonly Announcement[] }
  /** `keep` is the whole list of those that stay; `reset` ends the connections of those that go. */
  | {
      readonly kind: 'close-listeners';
      readonly listeners: readonly Listener[];
      readonly keep: readonly Listener[];
      readonly reset: boolean;
    }
  /** `addresses` are those behind it, whose connections cannot go on. */
  | { readonly kind: 'close-gate'; readonly addresses: readonly LinkAddress[] }
  | { readonly kind: 'delete-addresses'; readonly addresses: readonly LinkAddress[] }
  /** The whole list of addresses that the guard knows from now on. */
  | { readonly kind: 'guard-addresses'; readonly addresses: readonly LinkAddress[] }
  /** The whole list of addresses that the gate stands before from now on. */
  | { readonly kind: 'arm-gate'; readonly addresses: readonly LinkAddress[] }
  | { readonly kind: 'open-gate' }
  | { readonly kind: 'add-addresses'; readonly addresses: readonly LinkAddress[] }
  /** The whole list of listeners. */
  | { readonly kind: 'open-listeners'; readonly listeners: readonly Listener[] }
  | { readonly kind: 'start-announcing'; readonly announcements: readonly Announcement[] };

/**
 * Lists, in order, the actions that turn `observed` into `desired`.
 *
 * The order is what clients feel and what the promise rests on: traffic is turned away before what
 * served it goes, the gate closes for all VIPs before they are deleted one by one, guard and gate
 * know an address before the kernel has it and forget it only after the kernel has not, and
 * clients are invited only once what will serve them is ready. Every action is idempotent, so a
 * plan that was cut short is simply computed again from what then is.
 */
export function plan(desired: DataplaneState, observed: DataplaneState): readonly Action[] {
  const actions: Action[] = [];
  const silenced = subtract(observed.announcements, desired.announcements, announcementKey);
  if (silenced.length > 0) actions.push({ kind: 'stop-announcing', announcements: silenced });

  const gone = [
    ...subtract(observed.addresses, desired.addresses, addressKey),
    ...subtract(observed.foreign, desired.foreign, addressKey),
  ];
  const closed = subtract(observed.listeners, desired.listeners, listenerId);
  if (closed.length > 0) {
    const keep = intersect(observed.listeners, desired.listeners, listenerId);
    // Connections to an address that leaves this machine cannot go on, and a reset lets their
    // clients come back at once, to the next holder; connections of a balancer that was only
    // configured away may finish.
    const leaving = new Set(gone.map((item) => item.address));
    actions.push({
      kind: 'close-listeners',
      listeners: closed,
      keep,
      reset: closed.some((listener) => leaving.has(listener.address)),
    });
  }
  if (observed.gate === 'open' && desired.gate === 'closed') {
    actions.push({ kind: 'close-gate', addresses: observed.addresses });
  }
  if (gone.length > 0) actions.push({ kind: 'delete-addresses', addresses: gone });

  if (differ(observed.guarded, desired.guarded, addressKey)) {
    actions.push({ kind: 'guard-addresses', addresses: desired.guarded });
  }
  if (differ(observed.armed, desired.armed, addressKey)) {
    actions.push({ kind: 'arm-gate', addresses: desired.armed });
  }
  if (observed.gate === 'closed' && desired.gate === 'open') actions.push({ kind: 'open-gate' });
  const fresh = subtract(desired.addresses, observed.addresses, addressKey);
  if (fresh.length > 0) actions.push({ kind: 'add-addresses', addresses: fresh });
  if (subtract(desired.listeners, observed.listeners, listenerKey).length > 0) {
    actions.push({ kind: 'open-listeners', listeners: desired.listeners });
  }
  const invited = subtract(desired.announcements, observed.announcements, announcementKey);
  if (invited.length > 0) actions.push({ kind: 'start-announcing', announcements: invited });
  return actions;
}

function listenerId(listener: Listener): string {
  return listener.id;
}

/** The elements of `from` that are not in `what`, by key. */
function subtract<T>(
  from: readonly T[],
  what: readonly T[],
  key: (item: T) => string,
): readonly T[] {
  const keys = new Set(what.map(key));
  return from.filter((item) => !keys.has(key(item)));
}

/** The elements of `left` that are also in `right`, by key. */
function intersect<T>(
  left: readonly T[],
  right: readonly T[],
  key: (item: T) => string,
): readonly T[] {
  const keys = new Set(right.map(key));
  return left.filter((item) => keys.has(key(item)));
}

function differ<T>(left: readonly T[], right: readonly T[], key: (item: T) => string): boolean {
  return left.length !== right.length || subtract(left, right, key).length > 0;
}
