import {
  accept,
  openSession,
  type Session,
  type SessionHeader,
  seal,
  sealPrepared,
} from '../../src/core/election/raft/channel.ts';
import type { Resignation } from '../../src/core/election/raft/message.ts';
import { nextWakeAt, startRaft, stepRaft } from '../../src/core/election/raft/raft.ts';
import { fencesDeadline } from '../../src/core/election/raft/right.ts';
import type {
  Effect,
  RaftConfig,
  RaftEvent,
  RaftState,
  SavedVote,
} from '../../src/core/election/raft/state.ts';
import type { Agenda } from './agenda.ts';
import { Fence } from './fence.ts';
import type { Machine } from './machine.ts';
import type { Datagram } from './network.ts';
import type { Random } from './random.ts';

/** What a voter needs of the world around it. */
export interface World {
  readonly agenda: Agenda;
  readonly random: Random;
  send(place: number, datagram: Datagram): void;
  addressOf(id: string): number;
  save(voter: Voter, saved: SavedVote): void;
  abstentionEnded(voter: Voter): void;
  /** A step was made: what it wants done, before any of it is. */
  stepped(voter: Voter, event: RaftEvent, effects: readonly Effect[]): void;
  beganServing(voter: Voter): void;
  stoppedServing(voter: Voter): void;
  fired(voter: Voter): void;
  refused(voter: Voter, reason: string): void;
}

/** How likely a process is stopped before an effect, and for how long at most. */
export interface Hesitation {
  readonly probability: number;
  readonly pauseMs: number;
}

/** As much as waits in a socket. */
const INBOX_MAX = 400;

/**
 * One process: the driver of the election machine, as the daemon's is, on a machine that may stop
 * it between any two of its acts. The guard beside it acts by itself.
 */
export class Voter {
  readonly world: World;
  readonly machine: Machine;
  readonly config: RaftConfig;
  readonly marginMs: number;
  readonly fence: Fence;
  state: RaftState;
  alive = true;
  pausedUntil = 0;
  hesitation: Hesitation | undefined;
  readonly #sessions = new Map<string, Session>();
  readonly #inbox: Datagram[] = [];
  readonly #orders: RaftEvent[] = [];
  readonly #effects: Effect[] = [];
  #withdrawing = false;
  #withdrawals = 0;
  #prepared: Resignation | undefined;
  readonly #sealed = new Map<string, SessionHeader>();
  #timerAt = Number.POSITIVE_INFINITY;
  #pumping = false;
  #binding = false;

  constructor(
    world: World,
    machine: Machine,
    options: { config: RaftConfig; marginMs: number; saved: SavedVote },
  ) {
    this.world = world;
    this.machine = machine;
    this.config = options.config;
    this.marginMs = options.marginMs;
    this.fence = new Fence(
      { agenda: world.agenda, random: world.random, machine, marginMs: options.marginMs },
      (term) => this.#guardWithdrew(term),
    );
    for (const id of this.config.voters) this.#sessions.set(id, openSession(this.config.instance));
    const step = startRaft(this.config, options.saved, machine.now(), world.random.whole(1, 1e9));
    this.state = step.state;
    this.#effects.push(...step.effects);
    world.agenda.at(machine.trueTime(this.state.abstainsUntil), () => {
      if (this.alive) world.abstentionEnded(this);
    });
  }

  get id(): string {
    return this.config.self;
  }

  /** Says hello to all, and begins. */
  start(): void {
    for (const id of this.config.voters) {
      if (id === this.id) continue;
      const { session, header } = seal(this.#session(id), 'hello');
      this.#sessions.set(id, session);
      this.#send(id, header, undefined);
    }
    this.pump();
  }

  /**
   * The end of the right that it believes to have, in true time; 0 without one, or when fenced off.
   */
  get rightEndsAt(): number {
    const { leading, term } = this.state;
    if (!this.alive || leading === undefined || this.fence.closedTerm === term) return 0;
    return this.machine.trueTime(leading.rightEndsAt);
  }

  order(event: RaftEvent): void {
    if (!this.alive) return;
    this.#orders.push(event);
    this.pump();
  }

  receive(datagram: Datagram): void {
    if (!this.alive || this.#inbox.length >= INBOX_MAX) return;
    this.#inbox.push(datagram);
    this.pump();
  }

  pause(until: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, until);
    this.world.agenda.at(until, () => this.pump());
  }

  /** `kill -9`: the guard is left. */
  kill(): void {
    this.alive = false;
    this.fence.daemonDied();
  }

  cutPower(): void {
    if (this.alive && this.fence.bound) this.world.stoppedServing(this);
    this.alive = false;
    this.fence.powerLost();
  }

  /**
   * Does everything that can be done now: effects in order, then orders, datagrams, and the timer.
   */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#running()) {
      if (this.#effects.length > 0 && !this.#withdrawing) {
        if (this.#hesitates()) break;
        const effect = this.#effects.shift();
        if (effect !== undefined) this.#perform(effect);
      } else if (!this.#takeEvent()) {
        break;
      }
    }
    this.#pumping = false;
    this.#armTimer();
  }

  #running(): boolean {
    return this.alive && this.world.agenda.now >= this.pausedUntil;
  }

  #hesitates(): boolean {
    const { hesitation, world } = this;
    if (hesitation === undefined || !world.random.chance(hesitation.probability)) return false;
    this.pause(world.agenda.now + hesitation.pauseMs * world.random.next());
    return true;
  }

  #takeEvent(): boolean {
    const order = this.#orders.shift();
    if (order !== undefined) {
      this.#step(order);
      return true;
    }
    const datagram = this.#inbox.shift();
    if (datagram !== undefined) {
      this.#judge(datagram);
      return true;
    }
    if (this.machine.now() < nextWakeAt(this.state)) return false;
    this.#step({ kind: 'tick' });
    return true;
  }

  #step(event: RaftEvent): void {
    const { state, effects } = stepRaft(this.state, event, this.machine.now(), this.config);
    this.state = state;
    for (const effect of effects) this.#effects.push(effect);
    if (effects.length > 0) this.world.stepped(this, event, effects);
  }

  #armTimer(): void {
    if (!this.alive) return;
    const { agenda, random } = this.world;
    const due = this.machine.trueTime(nextWakeAt(this.state));
    // An earlier timer finds out by itself that it is not due yet.
    if (this.#timerAt <= due || due === Number.POSITIVE_INFINITY) return;
    const at = Math.max(due, agenda.now) + 0.001 + 0.5 * random.next();
    this.#timerAt = at;
    agenda.at(at, () => {
      if (this.#timerAt !== at) return;
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.pump();
    });
  }

  #session(id: string): Session {
    return this.#sessions.get(id) ?? openSession(this.config.instance);
  }

  #judge(datagram: Datagram): void {
    const { from, header, message } = datagram;
    if (from !== this.id && datagram.to !== this.id) return;
    if (!this.#sessions.has(from)) return;
    const now = this.machine.now();
    const verdict = accept(this.#session(from), header, now, this.config.electionTimeoutMs);
    this.#sessions.set(from, verdict.session);
    if (verdict.reply !== undefined) this.#reply(datagram, verdict.reply);
    if (verdict.kind === 'refused') return this.world.refused(this, verdict.reason);
    if (verdict.renewed) this.#sealFor(from);
    if (from === this.id) return this.#step({ kind: 'twin-heard', instance: verdict.instance });
    if (message === undefined) return;
    if (header.kind === 'prepared' && message.kind !== 'resignation') return;
    this.#step({ kind: 'received', from: { id: from, instance: verdict.instance }, message });
  }

  #reply(datagram: Datagram, header: SessionHeader): void {
    this.world.send(this.machine.place, {
      source: this.machine.address,
      destination: datagram.source,
      from: this.id,
      to: datagram.from,
      header,
      message: undefined,
    });
  }

  #send(to: string, header: SessionHeader, message: Datagram['message']): void {
    const destination = this.world.addressOf(to);
    const source = this.machine.address;
    this.world.send(this.machine.place, {
      source,
      destination,
      from: this.id,
      to,
      header,
      message,
    });
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'send': {
        const { session, header } = seal(this.#session(effect.to), 'message');
        this.#sessions.set(effect.to, session);
        this.#send(effect.to, header, effect.message);
        break;
      }
      case 'save':
        this.world.save(this, effect.saved);
        break;
      case 'right-extended':
        this.#extend(effect.term, effect.endsAt);
        break;
      case 'give-up-right':
        this.#withdraw();
        break;
      case 'prepare-resignation':
        this.#prepared = effect.message;
        for (const id of this.config.voters) this.#sealFor(id);
        break;
      case 'role-changed':
      case 'handoff-refused':
      case 'peer-refused':
        break;
    }
  }

  #extend(term: number, endsAt: number): void {
    // An effect that waited may be of a right that has been given up since.
    if (this.state.leading === undefined || this.state.term !== term) return;
    if (!this.fence.store(term, fencesDeadline(endsAt, this.marginMs))) {
      this.#orders.unshift({ kind: 'fences-closed' });
      return;
    }
    if (!this.fence.bound && !this.#binding && this.fence.mayServe()) this.#bindSoon();
  }

  /** Binds a moment later, without looking again: the fence has to hold against that. */
  #bindSoon(): void {
    const { agenda, random } = this.world;
    const withdrawals = this.#withdrawals;
    this.#binding = true;
    const bind = (): void => {
      if (!this.alive || withdrawals !== this.#withdrawals) {
        this.#binding = false;
      } else if (agenda.now < this.pausedUntil) {
        agenda.at(this.pausedUntil, bind);
      } else {
        this.#binding = false;
        if (this.fence.bind()) this.world.beganServing(this);
      }
    };
    agenda.after(0.1 + 2 * random.next(), bind);
  }

  /** Takes its time, in the kernel and in the process, and holds up the effects that follow. */
  #withdraw(): void {
    const { agenda, random } = this.world;
    this.#withdrawing = true;
    this.#withdrawals += 1;
    const served = this.fence.bound;
    const finish = (): void => {
      if (!this.alive) return;
      if (agenda.now < this.pausedUntil) {
        agenda.at(this.pausedUntil, finish);
        return;
      }
      if (served && this.fence.bound) this.world.stoppedServing(this);
      this.fence.disarm();
      this.#prepared = undefined;
      this.#withdrawing = false;
      this.pump();
    };
    agenda.after(served ? 0.2 + (random.chance(0.2) ? 15 : 1) * random.next() : 0.05, finish);
  }

  #sealFor(id: string): void {
    if (id === this.id || this.#prepared === undefined) return;
    const header = sealPrepared(this.#session(id));
    if (header === undefined) this.#sealed.delete(id);
    else this.#sealed.set(id, header);
  }

  /** The guard's part: it tells the others what was prepared, and the daemon that it has acted. */
  #guardWithdrew(term: number): void {
    this.world.fired(this);
    if (this.#prepared?.term === term) {
      for (const [id, header] of this.#sealed) this.#send(id, header, this.#prepared);
    }
    if (!this.alive) return;
    this.#orders.unshift({ kind: 'fences-closed' });
    this.pump();
  }
}
