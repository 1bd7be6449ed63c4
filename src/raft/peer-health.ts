/**
 * Why a peer is not heard, or not only the peer: what is wrong on its side or between the two, as
 * far as the datagrams tell that were refused. For people; nothing decides by it.
 */
import type { Refusal } from '../core/election/raft/channel.ts';
import type { Instant } from '../core/time.ts';
import type { DatagramFault } from './datagram.ts';

/** Why a datagram was not given to the election. */
export type DropReason =
  | DatagramFault
  | Refusal
  | 'unknown-sender'
  | 'not-for-us'
  /** Authentic and fresh, but no message of this version: a bug, or a peer that is newer. */
  | 'unknown-message';

/** A fault that did not come again for this long is over. */
const FAULT_LASTS_MS = 10_000;

const TEXTS: Partial<Record<DropReason, string>> = {
  'other-cluster': 'its clusterId is another than ours',
  'other-format': 'speaks another version of the protocol',
  'too-short': 'something that is not fairlead sends from its address',
  'too-long': 'something that is not fairlead sends from its address',
  'unknown-key': 'signs with a key that this node does not have: compare the key files',
  'bad-code': 'signs with another key under the same id: compare the key files',
  'unknown-message': 'sends messages that this version does not know',
};

export class PeerHealth {
  #seenAt: Instant | undefined;
  #fault: { readonly reason: DropReason; readonly at: Instant } | undefined;
  /** When another process under the id tried to speak, and when the accepted one still did. */
  #rivalAt: Instant | undefined;
  #twinsAt: Instant | undefined;

  /** Since the last accepted datagram, in milliseconds; null when there has been none. */
  seenMs(now: Instant): number | null {
    return this.#seenAt === undefined ? null : now - this.#seenAt;
  }

  /** A datagram of the peer was accepted; `renewed` when it is the first of another process. */
  noteAccepted(now: Instant, renewed: boolean): void {
    this.#seenAt = now;
    if (renewed) {
      // A quick restart looks like a rival until the process before it has been silent for a while.
      this.#rivalAt = undefined;
      this.#twinsAt = undefined;
    } else if (this.#rivalAt !== undefined) {
      this.#twinsAt = now;
    }
  }

  /** A datagram was refused that names the peer, or came from its address. */
  noteRefused(now: Instant, reason: DropReason): void {
    if (reason === 'another-instance') this.#rivalAt = now;
    else this.#fault = { reason, at: now };
  }

  /** Whether two processes under the id were both alive a short time ago (fencing.md A6). */
  hasTwins(now: Instant): boolean {
    if (this.#rivalAt === undefined || this.#twinsAt === undefined) return false;
    return now - Math.min(this.#rivalAt, this.#twinsAt) < FAULT_LASTS_MS;
  }

  /** Null when the peer is heard, or when nothing at all comes from it. */
  problem(now: Instant, liveMs: number): string | null {
    if (this.hasTwins(now)) return 'two processes run under its id: stop one of them';
    // Anybody can send from a peer's address; as long as the peer itself is heard, that is no news.
    if (this.#seenAt !== undefined && now - this.#seenAt < liveMs) return null;
    if (this.#fault === undefined || now - this.#fault.at > FAULT_LASTS_MS) return null;
    // Two followers greet each other once a second, and are well in between.
    if (this.#seenAt !== undefined && this.#seenAt > this.#fault.at) return null;
    return TEXTS[this.#fault.reason] ?? null;
  }
}
