import type { RoleReason, TakeoverReason } from '../core/election/election.ts';
import type { Message, Resignation } from '../core/election/raft/message.ts';
import type { Sender } from '../core/election/raft/promise.ts';
import { nextWakeAt, startRaft, stepRaft } from '../core/election/raft/raft.ts';
import type {
  Effect,
  PeerRefusal,
  RaftConfig,
  RaftEvent,
  RaftState,
  SavedVote,
} from '../core/election/raft/state.ts';
import type { HandoffResult } from '../core/status/control.ts';
import type { ElectionStatus, PeerStatus, TakeoverStatus } from '../core/status/status.ts';
import type { Instant } from '../core/time.ts';
import type { Log } from '../telemetry/log.ts';
import type { Clock } from './clock.ts';
import type { Elector } from './elector.ts';
import { PendingHandoff } from './handoff.ts';
import type { HeldRight } from './right.ts';

/** What the election says and hears its peers by. */
export interface PeerChannel {
  send(to: string, message: Message): void;
  /** Has the guard told what to say to each peer once it has withdrawn for us. */
  prepare(resignation: Resignation): void;
  /** Resolves when every datagram that waits has been given to the machine. */
  drain(): Promise<void>;
  peers(): readonly PeerStatus[];
  close(): void;
}

/** Where term and vote are remembered. */
export interface VoteStore {
  readonly recalled: SavedVote;
  save(saved: SavedVote): void;
  abstentionEnded(): void;
  flush(): Promise<void>;
}

export interface RaftElectorOptions {
  readonly config: RaftConfig;
  readonly right: HeldRight;
  readonly clock: Clock;
  readonly log: Log;
  readonly votes: VoteStore;
  /** Random bits. */
  readonly seed: number;
  /** Makes the channel; it gives what it hears to the listener, from then on. */
  readonly openChannel: (listener: ChannelListener) => PeerChannel;
}

/** What the channel tells the election. */
export interface ChannelListener {
  received(from: Sender, message: Message): void;
  /** The session with this peer is another one, as after the restart of either side. */
  renewed(peer: string): void;
  /** Another live process with this node's id. */
  twinHeard(instance: bigint): void;
}

/** Leaving waits so long for the disk; term and vote are no part of the promise. */
const FLUSH_LIMIT_MS = 500;
/** Five times what a successor needs from the resignation to its first announcement. */
const LINGER_MS = 50;

/**
 * Drives the Raft machine of `core/election/raft`: gives it events with the time, and performs its
 * effects strictly in order. Giving up the right takes until the kernel has confirmed it; every
 * effect behind it waits, and above all the messages that let another node begin.
 */
export class RaftElector implements Elector {
  readonly #options: RaftElectorOptions;
  readonly #channel: PeerChannel;
  readonly #queue: Effect[] = [];
  readonly #refusals = new Map<string, PeerRefusal>();
  #state: RaftState;
  #busy = false;
  #performing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #started = false;
  #roleSince: Instant;
  /** The last sign of life or of resignation of another leader. */
  #holderSeenAt: Instant | undefined;
  #twin: bigint | undefined;
  #takeover: TakeoverStatus | null = null;
  #begun: { readonly reason: TakeoverReason; readonly after: Instant | undefined } | undefined;
  #handoff: PendingHandoff | undefined;
  /** Changes of role that are not in the log yet: what is to be sent goes first. */
  readonly #untold: object[] = [];

  constructor(options: RaftElectorOptions) {
    const { config, clock, votes, seed } = options;
    this.#options = options;
    const { state, effects } = startRaft(config, votes.recalled, clock.now(), seed);
    this.#state = state;
    this.#queue.push(...effects);
    this.#roleSince = clock.now();
    this.#channel = options.openChannel({
      received: (from, message) => this.#receive(from, message),
      // Its list and its time-outs were those of a process that is gone.
      renewed: (peer) => void this.#refusals.delete(peer),
      twinHeard: (instance) => this.#hearTwin(instance),
    });
  }

  start(): void {
    this.#started = true;
    this.#perform();
    this.#schedule();
  }

  setIneligible(reason: string | undefined): void {
    this.#step({ kind: 'eligibility', obstacle: reason });
    // With other troubles a leader is better than none; without a guard nothing would end its
    // serving if it were stopped (fencing.md D3).
    if (reason === 'no-guard') this.#step({ kind: 'fences-closed' });
  }

  resign(): void {
    this.#options.log.warn('the fences ended the right; this term is over for this node');
    this.#step({ kind: 'fences-closed' });
  }

  announced(at: Instant): void {
    const begun = this.#begun;
    if (begun === undefined) return;
    this.#begun = undefined;
    const gapMs = begun.after === undefined ? null : Math.round(at - begun.after);
    this.#takeover = { at: this.#options.clock.wall(), reason: begun.reason, gapMs };
    this.#options.log.info({ reason: begun.reason, gapMs }, 'took over');
  }

  followsAnother(): boolean {
    return this.#holderSeenAt !== undefined;
  }

  async handoff(to?: string): Promise<HandoffResult> {
    const { config, clock } = this.#options;
    const leader = this.#state.leader ?? null;
    if (to !== undefined && to === leader) return refused('already-leader', leader);
    if (this.#state.role !== 'leader') {
      return refused(leader === null ? 'no-leader' : 'not-leader', leader);
    }
    if (this.#handoff !== undefined) return refused('busy', leader);
    const pending = new PendingHandoff(config.self, clock, 6 * config.electionTimeoutMs);
    this.#handoff = pending;
    this.#step({ kind: 'handoff', target: to });
    const result = await pending.result;
    this.#handoff = undefined;
    return result;
  }

  async leave(): Promise<void> {
    const led = this.#state.role === 'leader';
    this.#step({ kind: 'leave' });
    await this.#performing;
    // It votes for its successor, whose takeover needs the kernel's locks and processors more than
    // what is put away here: nodes may share a machine.
    if (led) await new Promise((done) => setTimeout(done, LINGER_MS));
    clearTimeout(this.#timer);
    this.#started = false;
    this.#channel.close();
    const { votes } = this.#options;
    await Promise.race([votes.flush(), new Promise((done) => setTimeout(done, FLUSH_LIMIT_MS))]);
  }

  status(): ElectionStatus {
    const { clock } = this.#options;
    const now = clock.now();
    const { role, term, leader, abstainsUntil, obstacle } = this.#state;
    const abstaining = now < abstainsUntil;
    const acting = role === 'pre-candidate' ? 'candidate' : role;
    const twin = abstaining && this.#twin !== undefined;
    return {
      type: 'raft',
      role: twin ? 'stopped' : abstaining ? 'abstaining' : acting,
      holder: leader ?? null,
      term,
      sinceMs: Math.round(now - this.#roleSince),
      ineligible: this.#options.config.voterOnly ? 'voterOnly' : (obstacle ?? null),
      problem: twin ? TWIN_PROBLEM : null,
      peers: this.#channel.peers().map((peer) => {
        const refusal = this.#refusals.get(peer.id);
        return { ...peer, problem: refusal === undefined ? peer.problem : REFUSALS[refusal].what };
      }),
    };
  }

  lastTakeover(): TakeoverStatus | null {
    return this.#takeover;
  }

  #receive(from: Sender, message: Message): void {
    const { self } = this.#options.config;
    const { leader, term } = this.#state;
    const spoken = message.kind === 'heartbeat' || message.kind === 'resignation';
    if (spoken && message.term >= term && (leader === from.id || leader === undefined)) {
      if (from.id !== self) this.#holderSeenAt = this.#options.clock.now();
    }
    this.#step({ kind: 'received', from, message });
  }

  #hearTwin(instance: bigint): void {
    if (this.#twin !== instance) {
      this.#options.log.error(
        { instance: instance.toString(16), hint: 'Give every machine an id of its own' },
        'another process runs under the id of this node; this one stops serving',
      );
    }
    this.#twin = instance;
    this.#step({ kind: 'twin-heard', instance });
  }

  #step(event: RaftEvent): void {
    const { clock, config } = this.#options;
    const { state, effects } = stepRaft(this.#state, event, clock.now(), config);
    this.#state = state;
    this.#queue.push(...effects);
    if (!this.#started) return;
    this.#perform();
    this.#schedule();
  }

  #perform(): void {
    if (!this.#busy) this.#performing = this.#performAll();
  }

  /** Effects of steps that happen meanwhile stand behind what it is doing. */
  async #performAll(): Promise<void> {
    this.#busy = true;
    for (let effect = this.#queue.shift(); effect !== undefined; effect = this.#queue.shift()) {
      if (effect.kind === 'give-up-right') {
        const given = this.#options.right.giveUp();
        const { term, reason } = effect;
        this.#options.log.warn({ term, reason }, 'stopped leading');
        await given;
      } else {
        this.#performAtOnce(effect);
      }
    }
    this.#busy = false;
    for (const role of this.#untold.splice(0)) this.#options.log.info(role, 'role changed');
  }

  #performAtOnce(effect: Exclude<Effect, { kind: 'give-up-right' }>): void {
    const { right, votes } = this.#options;
    switch (effect.kind) {
      case 'send':
        this.#channel.send(effect.to, effect.message);
        return;
      case 'save':
        votes.save(effect.saved);
        return;
      case 'right-extended':
        right.extend(effect.endsAt);
        return;
      case 'prepare-resignation':
        this.#channel.prepare(effect.message);
        return;
      case 'role-changed':
        this.#noteRole(effect);
        return;
      case 'handoff-refused':
        this.#handoff?.refuse(effect.reason, this.#channel.peers());
        return;
      case 'peer-refused':
        this.#noteRefusal(effect.peer, effect.reason);
        return;
      default:
        effect satisfies never;
    }
  }

  #noteRole(change: Extract<Effect, { kind: 'role-changed' }>): void {
    const { clock, config } = this.#options;
    const { role, term, leader, reason } = change;
    this.#roleSince = clock.now();
    const begins = role === 'leader' && isTakeover(reason);
    this.#begun = begins ? { reason, after: this.#holderSeenAt } : undefined;
    if (leader !== undefined && leader !== config.self) this.#handoff?.done(leader, term);
    this.#untold.push({ role, term, holder: leader, reason });
  }

  #noteRefusal(peer: string, reason: PeerRefusal): void {
    if (this.#refusals.get(peer) === reason) return;
    this.#refusals.set(peer, reason);
    this.#options.log.error(
      { peer, reason, hint: REFUSALS[reason].hint },
      'peer cannot be followed',
    );
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const { clock } = this.#options;
    const delay = nextWakeAt(this.#state) - clock.now();
    if (delay === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => void this.#tick(), Math.max(1, Math.ceil(delay)));
  }

  /** What waits in the socket is older than this tick, and may say that the leader is alive. */
  async #tick(): Promise<void> {
    await this.#channel.drain();
    if (this.#options.clock.now() >= this.#state.abstainsUntil)
      this.#options.votes.abstentionEnded();
    this.#step({ kind: 'tick' });
  }
}

const TWIN_PROBLEM = 'another process runs under the id of this node';

/** Why a peer cannot be followed, in the words of status, and the cure. */
const REFUSALS: Readonly<Record<PeerRefusal, { readonly what: string; readonly hint: string }>> = {
  'other-list': {
    what: 'its list of peers is another than ours',
    hint: 'Give every node the same list of peers and the same clusterId',
  },
  'hold-too-long': {
    what: 'its electionTimeoutMs is longer than ours',
    hint: 'Give every node the same profile and electionTimeoutMs',
  },
};

function refused(
  reason: Extract<HandoffResult, { kind: 'refused' }>['reason'],
  leader: string | null,
): HandoffResult {
  return { kind: 'refused', reason, leader, peers: [] };
}

const TAKEOVER_REASONS: Readonly<Record<TakeoverReason, true>> = {
  first: true,
  'holder-gone': true,
  resigned: true,
  handoff: true,
};

function isTakeover(reason: RoleReason): reason is TakeoverReason {
  return reason in TAKEOVER_REASONS;
}
