import type { SessionHeader } from '../../src/core/election/raft/channel.ts';
import type { Message } from '../../src/core/election/raft/message.ts';
import type { Agenda } from './agenda.ts';
import type { Random } from './random.ts';
import type { Way } from './scenario.ts';

export interface Datagram {
  /** Where it comes from, and goes to: addresses, by place. */
  readonly source: number;
  readonly destination: number;
  readonly from: string;
  readonly to: string;
  readonly header: SessionHeader;
  /** Undefined in a hello. */
  readonly message: Message | undefined;
}

/** A rule in force for datagrams between the places that `applies` names. */
interface Rule {
  readonly applies: (from: number, to: number) => boolean;
}
export interface LossRule extends Rule {
  readonly probability: number;
}
export interface DelayRule extends Rule {
  readonly delayMs: number;
}

/** As an adversary who listens can keep: enough for every session of a run. */
const RECORDED_MAX = 20_000;

/**
 * Datagrams between machines: late, lost, doubled, out of order, cut off, and heard by a stranger.
 */
export class Network {
  readonly #agenda: Agenda;
  readonly #random: Random;
  readonly #deliver: (place: number, datagram: Datagram) => void;
  readonly #resolve: (address: number) => number;
  readonly #baseLoss: number;
  readonly cuts = new Set<Rule>();
  readonly losses = new Set<LossRule>();
  readonly delays = new Set<DelayRule>();
  readonly doublings = new Set<{ readonly probability: number; readonly lateMs: number }>();
  readonly jitters = new Set<{ readonly jitterMs: number }>();
  /** Resignations come twice, the second time so late. */
  resignationEchoMs = 0;
  /** Undefined when nobody listens. */
  recorded: Datagram[] | undefined;

  constructor(options: {
    agenda: Agenda;
    random: Random;
    baseLoss: number;
    resolve: (address: number) => number;
    deliver: (place: number, datagram: Datagram) => void;
  }) {
    this.#agenda = options.agenda;
    this.#random = options.random;
    this.#baseLoss = options.baseLoss;
    this.#resolve = options.resolve;
    this.#deliver = options.deliver;
  }

  send(place: number, datagram: Datagram): void {
    const random = this.#random;
    if (this.recorded !== undefined && this.recorded.length < RECORDED_MAX) {
      this.recorded.push(datagram);
    }
    const target = this.#resolve(datagram.destination);
    for (const cut of this.cuts) if (cut.applies(place, target)) return;
    if (random.chance(this.#baseLoss)) return;
    for (const loss of this.losses) {
      if (loss.applies(place, target) && random.chance(loss.probability)) return;
    }
    // Most take a tenth of a millisecond, some a few.
    let latency = 0.03 + 0.1 * random.next() + (random.chance(0.02) ? 5 * random.next() : 0);
    for (const delay of this.delays) if (delay.applies(place, target)) latency += delay.delayMs;
    for (const { jitterMs } of this.jitters) latency += jitterMs * random.next();
    this.inject(target, datagram, latency);
    for (const { probability, lateMs } of this.doublings) {
      if (random.chance(probability))
        this.inject(target, datagram, latency + lateMs * random.next());
    }
    if (this.resignationEchoMs > 0 && datagram.message?.kind === 'resignation') {
      this.inject(target, datagram, latency + this.resignationEchoMs * random.next());
    }
  }

  /** Brings a datagram to a machine, whoever sent it and when. */
  inject(place: number, datagram: Datagram, latency: number): void {
    this.#agenda.after(latency, () => this.#deliver(place, datagram));
  }
}

/** Between a side of places (a bit each) and the rest; `in` is towards the side. */
export function between(side: number, way: Way): (from: number, to: number) => boolean {
  return (from, to) => {
    const leaves = ((side >> from) & 1) === 1 && ((side >> to) & 1) === 0;
    const enters = ((side >> from) & 1) === 0 && ((side >> to) & 1) === 1;
    return (leaves && way !== 'in') || (enters && way !== 'out');
  };
}
