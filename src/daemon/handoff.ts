import type { HandoffRefusal } from '../core/election/election.ts';
import type { HandoffResult } from '../core/status/control.ts';
import type { PeerStatus } from '../core/status/status.ts';
import type { Instant } from '../core/time.ts';
import type { Clock } from './clock.ts';

/** A handoff that was asked for, until another node leads, or it was refused, or nobody came. */
export class PendingHandoff {
  readonly result: Promise<HandoffResult>;
  readonly #self: string;
  readonly #clock: Clock;
  readonly #startedAt: Instant;
  readonly #timer: NodeJS.Timeout;
  #resolve: (result: HandoffResult) => void = () => {};

  /** @param limitMs after which the VIP counts as not taken. */
  constructor(self: string, clock: Clock, limitMs: number) {
    this.#self = self;
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.result = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#timer = setTimeout(
      () => this.#end({ kind: 'refused', reason: 'not-taken', leader: null, peers: [] }),
      limitMs,
    );
  }

  done(leader: string, term: number): void {
    const durationMs = Math.round(this.#clock.now() - this.#startedAt);
    this.#end({ kind: 'done', from: this.#self, to: leader, term, durationMs });
  }

  refuse(reason: HandoffRefusal, peers: readonly PeerStatus[]): void {
    const why = peers.map((peer) => ({ id: peer.id, why: peer.problem ?? lastSeen(peer) }));
    this.#end({ kind: 'refused', reason, leader: null, peers: why });
  }

  #end(result: HandoffResult): void {
    clearTimeout(this.#timer);
    this.#resolve(result);
  }
}

function lastSeen(peer: PeerStatus): string {
  if (peer.lastSeenMs === null) return 'never heard';
  return `heard ${Math.round(peer.lastSeenMs)} ms ago`;
}
