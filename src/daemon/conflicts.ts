import type { IpAddress } from '../core/address/ip.ts';
import {
  type ConflictEffect,
  type ConflictEvent,
  type ConflictPolicy,
  type ConflictState,
  DEFEND_INTERVAL_MS,
  isWithheld,
  NO_CONFLICT,
  reviewAt,
  stepConflict,
} from '../core/conflict/conflict.ts';
import type { Desired } from '../core/plan/desired.ts';
import { type Announcement, addressKey, type LinkAddress } from '../core/plan/state.ts';
import type { Link } from '../core/plan/world.ts';
import type { Instant } from '../core/time.ts';
import type { Log } from '../telemetry/log.ts';
import type { Clock } from './clock.ts';

/** Claims by one machine to one VIP. */
export interface HeardClaim {
  readonly address: IpAddress;
  readonly mac: string;
  readonly count: number;
}

/** What the watch over other holders needs of the outside. */
export interface ConflictPorts {
  readonly clock: Clock;
  readonly log: Log;
  policy(): ConflictPolicy;
  /** Hears claims to these addresses alone; from one of `own` they are none. May throw. */
  watch(addresses: readonly LinkAddress[], own: readonly { readonly mac: string }[]): void;
  /** Asks once who has each VIP. */
  probe(batch: readonly Announcement[]): Promise<void>;
  /** Announces once more those of the VIPs that are being announced. */
  defend(vips: ReadonlySet<IpAddress>): Promise<void>;
  /** What is withheld has changed: a round is due. */
  changed(): void;
}

/** What status says of one VIP. */
export interface ConflictReport {
  readonly claims: number;
  readonly watched: boolean;
  readonly last: { readonly mac: string; readonly at: string } | null;
  readonly problem: string | null;
}

const NOTHING_HEARD: ConflictReport = { claims: 0, watched: false, last: null, problem: null };

/** 500 frames each 25 ms are 20,000 a second, as with announcements (fencing.md E4). */
const BATCH_SIZE = 500;
const BATCH_PERIOD_MS = 25;

/**
 * Watches over the VIPs' being ours alone, by the rules of `core/conflict`: asks the segment before
 * a first claim, answers those who claim what we hold, and withholds what is asked for or yielded.
 */
export class Conflicts {
  readonly #ports: ConflictPorts;
  readonly #states = new Map<IpAddress, ConflictState>();
  readonly #heardAt = new Map<IpAddress, string>();
  readonly #withheld = new Set<IpAddress>();
  /** Those that wait for a link or for a time. */
  readonly #pending = new Set<IpAddress>();
  /** Where VIPs that are withheld can be asked for. */
  #places = new Map<IpAddress, Announcement>();
  #probes: Announcement[] = [];
  #defences = new Set<IpAddress>();
  #changed = false;
  #lost = 0;
  #watched = new Map<IpAddress, string>();
  #own = '';
  #vips: readonly { readonly address: IpAddress }[] = [];
  #serving = false;
  #listening = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(ports: ConflictPorts) {
    this.#ports = ports;
  }

  /** The VIPs that must not be bound for now. */
  get withheld(): ReadonlySet<IpAddress> {
    return this.#withheld;
  }

  /** From now on claims are heard; without, no question would be answered, and none is asked. */
  listening(): void {
    this.#listening = true;
  }

  /** Before a round is decided: which VIPs there are, and whether this node may serve them. */
  prepare(
    vips: readonly { readonly address: IpAddress }[],
    right: { readonly serving: boolean; readonly followsAnother: boolean },
  ): void {
    const { serving } = right;
    if (serving === this.#serving && vips === this.#vips) return;
    // A VIP that is new to a holder has been nobody's, whoever held the others before.
    const probe = this.#listening && (this.#serving || !right.followsAnother);
    const configured = new Set(vips.map(({ address }) => address));
    for (const address of this.#states.keys()) {
      if (!configured.has(address)) this.#forget(address);
    }
    for (const address of configured) {
      this.#step(address, serving ? { kind: 'wanted', probe } : { kind: 'unwanted' });
    }
    this.#serving = serving;
    this.#vips = vips;
    // This very round sees it.
    this.#changed = false;
  }

  /** After a round was decided: where its VIPs are, or would be. */
  see(desired: Desired, links: readonly Link[]): void {
    const silent = new Set(links.filter((link) => link.loopback).map((link) => link.index));
    const heard = (item: LinkAddress): boolean => !silent.has(item.linkIndex);
    const askable = desired.withheld.filter(heard);
    this.#watch([...desired.state.addresses.filter(heard), ...askable], links);
    this.#places = new Map(askable.map((item) => [item.address, item]));
    for (const address of this.#pending) {
      if (!this.#places.has(address)) this.#step(address, { kind: 'unplaced' });
    }
    this.#review();
  }

  /** Other machines claim VIPs; `lost` more claims could not be looked at. */
  heard(claims: readonly HeardClaim[], lost: number): void {
    this.#lost += lost;
    const wall = this.#ports.clock.wall();
    for (const { address, mac, count } of claims) {
      if (!this.#states.has(address)) continue;
      this.#heardAt.set(address, wall);
      this.#step(address, { kind: 'claimed', mac, count });
    }
    this.#act();
  }

  report(address: IpAddress): ConflictReport {
    const state = this.#states.get(address);
    if (state === undefined) return NOTHING_HEARD;
    const at = this.#heardAt.get(address);
    const { claimant: mac, claims } = state;
    const last = mac === undefined || at === undefined ? null : { mac, at };
    const watched = this.#listening && this.#watched.has(address);
    return { claims, watched, last, problem: this.#problemOf(state) };
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#pending.clear();
  }

  #problemOf({ standing, claimant, answeredAt }: ConflictState): string | null {
    if (claimant === undefined || standing.kind === 'idle') return null;
    if (standing.kind !== 'clear') return `left to ${claimant}, which claims it`;
    const recent = this.#ports.clock.now() - answeredAt < DEFEND_INTERVAL_MS;
    return recent ? `also claimed by ${claimant}` : null;
  }

  #forget(address: IpAddress): void {
    this.#states.delete(address);
    this.#heardAt.delete(address);
    this.#withheld.delete(address);
    this.#pending.delete(address);
  }

  #watch(items: readonly LinkAddress[], links: readonly Link[]): void {
    const macs = links.flatMap(({ mac }) => (mac === '' ? [] : [{ mac }]));
    const own = macs.map(({ mac }) => mac).join(' ');
    const known = this.#watched;
    const same =
      own === this.#own &&
      items.length === known.size &&
      items.every((item) => known.get(item.address) === addressKey(item));
    if (same) return;
    this.#own = own;
    this.#watched = new Map(items.map((item) => [item.address, addressKey(item)]));
    try {
      this.#ports.watch(items, macs);
    } catch (err) {
      // Serving is worth more than hearing of conflicts.
      this.#listening = false;
      this.#ports.log.warn({ err }, 'claims of other machines are not heard');
    }
  }

  /** Asks for what waits and has a place, and lets time pass; as much as one batch may send. */
  #review(): void {
    const now = this.#ports.clock.now();
    for (const address of this.#pending) {
      if (this.#probes.length === BATCH_SIZE) break;
      if (this.#places.has(address)) this.#step(address, { kind: 'placed' });
      this.#step(address, { kind: 'tick' }, now);
    }
    this.#act();
  }

  #step(address: IpAddress, event: ConflictEvent, now = this.#ports.clock.now()): void {
    const before = this.#states.get(address) ?? NO_CONFLICT;
    const { state, effects } = stepConflict(before, event, now, this.#ports.policy());
    this.#states.set(address, state);
    if (isWithheld(state) !== this.#withheld.has(address)) this.#changed = true;
    if (isWithheld(state)) this.#withheld.add(address);
    else this.#withheld.delete(address);
    const waits = state.standing.kind === 'waiting' || reviewAt(state) !== undefined;
    if (waits) this.#pending.add(address);
    else this.#pending.delete(address);
    for (const effect of effects) this.#note(address, state, effect);
  }

  #note(address: IpAddress, state: ConflictState, effect: ConflictEffect): void {
    const { log } = this.#ports;
    const place = this.#places.get(address);
    switch (effect.kind) {
      case 'probe':
        if (place !== undefined) this.#probes.push(place);
        return;
      case 'defend':
        this.#defences.add(address);
        return;
      case 'freed':
        log.info({ vip: address }, 'nobody else claims the VIP any more');
        return;
      case 'report':
        log.warn(
          {
            vip: address,
            mac: state.claimant,
            claims: effect.claims,
            served: !isWithheld(state),
            ...(this.#lost > 0 && { lost: this.#lost }),
            hint: 'Find the machine with this hardware address and take the VIP from it',
          },
          'another machine claims the VIP',
        );
    }
  }

  /** Does what the steps asked for, and sets the timer for the next. */
  #act(): void {
    const ports = this.#ports;
    const { clock, log } = ports;
    const asked = this.#probes.length > 0;
    if (asked) {
      ports.probe(this.#probes).catch((err: unknown) => log.warn({ err }, 'probe failed'));
      this.#probes = [];
    }
    if (this.#defences.size > 0) {
      void ports.defend(this.#defences);
      this.#defences = new Set();
    }
    if (this.#changed) ports.changed();
    this.#changed = false;
    clearTimeout(this.#timer);
    const due = [...this.#pending].map((address) => this.#dueAt(address));
    const earliest = due.reduce((one, other) => Math.min(one, other), Number.POSITIVE_INFINITY);
    if (earliest === Number.POSITIVE_INFINITY) return;
    const delay = Math.max(earliest - clock.now(), asked ? BATCH_PERIOD_MS : 0);
    this.#timer = setTimeout(() => this.#review(), Math.ceil(delay));
  }

  #dueAt(address: IpAddress): Instant {
    const state = this.#states.get(address);
    const due = state === undefined ? undefined : reviewAt(state);
    if (due !== undefined) return due;
    return this.#places.has(address) ? this.#ports.clock.now() : Number.POSITIVE_INFINITY;
  }
}
