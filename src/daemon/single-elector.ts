import type { HandoffResult } from '../core/status/control.ts';
import type { ElectionStatus, TakeoverStatus } from '../core/status/status.ts';
import type { Instant } from '../core/time.ts';
import type { Clock } from './clock.ts';
import type { Elector } from './elector.ts';
import type { HeldRight } from './right.ts';

/**
 * How long a right lasts that this node gives itself, and how often it does. A process that hangs
 * for longer than the first stops serving, as it would with peers; nobody else may begin, so there
 * is no hurry, and a machine that is busy for a second keeps its VIP.
 */
const HOLD_MS = 3000;
const RENEW_MS = 1000;

/** The elector of a node without peers: the right is always its own. */
export class SingleElector implements Elector {
  readonly #node: string;
  readonly #right: HeldRight;
  readonly #clock: Clock;
  /** Since when it holds the right, or does not. */
  #since: Instant;
  #holds = false;
  #ineligible: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #withdrawal: Promise<void> | undefined;
  #takeover: TakeoverStatus | null = null;
  /** The right that is held has its takeover. */
  #told = false;

  constructor(options: { node: string; right: HeldRight; clock: Clock }) {
    this.#node = options.node;
    this.#right = options.right;
    this.#clock = options.clock;
    this.#since = options.clock.now();
  }

  start(): void {
    this.#timer = setInterval(() => this.#renew(), RENEW_MS);
    this.#renew();
  }

  /**
   * A node without peers serves what it can, but never beside another holder, and never unguarded.
   */
  setIneligible(reason: string | undefined): void {
    this.#ineligible = reason;
    if (this.#mayHold()) this.#renew();
    else void this.#withdraw();
  }

  resign(): void {
    void this.#withdraw();
  }

  announced(): void {
    if (this.#told) return;
    this.#told = true;
    this.#takeover = { at: this.#clock.wall(), reason: 'first', gapMs: null };
  }

  followsAnother(): boolean {
    return false;
  }

  async handoff(): Promise<HandoffResult> {
    return { kind: 'refused', reason: 'no-peers', leader: this.#node, peers: [] };
  }

  async leave(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#withdraw();
  }

  status(): ElectionStatus {
    return {
      type: 'none',
      role: this.#holds ? 'leader' : 'stopped',
      holder: this.#holds ? this.#node : null,
      term: 0,
      sinceMs: Math.round(this.#clock.now() - this.#since),
      ineligible: this.#ineligible ?? null,
      problem: null,
      peers: [],
    };
  }

  lastTakeover(): TakeoverStatus | null {
    return this.#takeover;
  }

  #renew(): void {
    if (this.#timer === undefined || this.#withdrawal !== undefined || !this.#mayHold()) return;
    if (!this.#holds) this.#since = this.#clock.now();
    this.#holds = true;
    this.#right.extend(this.#clock.now() + HOLD_MS);
  }

  #mayHold(): boolean {
    return this.#ineligible !== 'foreign-address' && this.#ineligible !== 'no-guard';
  }

  async #withdraw(): Promise<void> {
    this.#withdrawal ??= this.#giveUp();
    await this.#withdrawal;
  }

  async #giveUp(): Promise<void> {
    if (this.#holds) this.#since = this.#clock.now();
    this.#holds = false;
    this.#told = false;
    await this.#right.giveUp();
    this.#withdrawal = undefined;
  }
}
