/**
 * Carries the election's messages between the peers: authenticated, fresh, each to one peer, and
 * lost whenever the network loses them. What is dropped is counted by its reason; nothing here
 * throws for what a network or a stranger does.
 */
import type { IpAddress } from '../core/address/ip.ts';
import {
  accept,
  openSession,
  type Session,
  type SessionHeader,
  seal,
  sealPrepared,
} from '../core/election/raft/channel.ts';
import { fingerprint } from '../core/election/raft/fingerprint.ts';
import {
  decodeMessage,
  encodeMessage,
  type Message,
  type Resignation,
} from '../core/election/raft/message.ts';
import type { Sender } from '../core/election/raft/promise.ts';
import { OperationalError } from '../core/errors.ts';
import { invariant } from '../core/invariant.ts';
import type { Instant } from '../core/time.ts';
import { BoundedLog } from './bounded-log.ts';
import { deriveSigningKeys, openDatagram, type SigningKey, sealDatagram } from './datagram.ts';
import type { Keyring } from './keys.ts';
import { type DropReason, PeerHealth } from './peer-health.ts';
import { PeerSocket } from './peer-socket.ts';

export interface Voter {
  readonly id: string;
  readonly address: IpAddress;
  readonly port: number;
}

/** What the transport logs to; pino's interface, as far as it is used. */
export interface TransportLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface TransportOptions {
  readonly self: Voter;
  /** The other voters. Read once: another list is another process (fencing.md A5). */
  readonly peers: readonly Voter[];
  readonly clusterId: string;
  /** Random bits of this process start; not 0. */
  readonly instance: bigint;
  readonly keys: Keyring;
  /** For how long a silent process still owns its id: the election timeout. */
  readonly liveMs: number;
  readonly now: () => Instant;
  readonly log: TransportLog;
  /** A message that is authentic, fresh and meant for this node; in the order of arrival. */
  readonly received: (from: Sender, message: Message, at: Instant) => void;
  /** What was sealed for this peer is void: seal it again. */
  readonly renewed: (peer: string) => void;
  /** Another live process has this node's id (fencing.md A6). */
  readonly twinHeard: (instance: bigint) => void;
}

/** A datagram for the guard to send as it is. */
export interface SealedDatagram {
  readonly address: IpAddress;
  readonly port: number;
  readonly payload: Uint8Array;
}

/** What a person may want to know of a peer. */
export interface PeerReport {
  readonly id: string;
  readonly address: IpAddress;
  readonly port: number;
  /** Since its last accepted datagram; null when there has been none. */
  readonly lastSeenMs: number | null;
  /** Why it is not heard although something comes from it; null when nothing speaks against it. */
  readonly problem: string | null;
}

export interface TransportCounters {
  readonly sent: number;
  readonly accepted: number;
  readonly dropped: ReadonlyMap<DropReason, number>;
  /** By errno name, `not-bound` and `queue-full`. */
  readonly unsent: ReadonlyMap<string, number>;
}

interface PeerState {
  readonly voter: Voter;
  readonly fingerprint: bigint;
  readonly health: PeerHealth;
  session: Session;
  /** When the last datagram went to it. */
  sentAt: Instant;
}

/**
 * Followers have nothing to say to each other, and a candidate's first words must not be lost on a
 * peer that has restarted since: whom nothing was sent to for so long is greeted.
 */
const GREET_INTERVAL_MS = 1000;

const NO_MESSAGE = new Uint8Array(0);
/** Part of any network's life, or of every restart: counted, and no news. */
const ORDINARY: ReadonlySet<DropReason> = new Set(['unknown-nonce', 'replayed', 'own']);

export class Transport {
  readonly #options: TransportOptions;
  readonly #cluster: bigint;
  readonly #self: PeerState;
  readonly #peers: readonly PeerState[];
  /** Sorted, as the core names them in messages. */
  readonly #voters: readonly string[];
  readonly #socket: PeerSocket;
  readonly #quiet = new BoundedLog();
  readonly #dropped = new Map<DropReason, number>();
  readonly #unsent = new Map<string, number>();
  #keys: readonly [SigningKey, ...SigningKey[]];
  #sent = 0;
  #accepted = 0;
  #bindFailures = 0;
  #greeting: NodeJS.Timeout | undefined;

  /** @throws {OperationalError} `bad-peers` when a peer has an address of the other family. */
  constructor(options: TransportOptions) {
    const { self, peers, instance } = options;
    invariant(instance !== 0n, 'an instance of 0 means none');
    for (const peer of peers) refuseOtherFamily(self, peer);
    this.#options = options;
    this.#cluster = fingerprint(options.clusterId);
    this.#keys = deriveSigningKeys(options.keys, options.clusterId);
    const stateOf = (voter: Voter): PeerState => ({
      voter,
      fingerprint: fingerprint(voter.id),
      session: openSession(instance),
      health: new PeerHealth(),
      sentAt: Number.NEGATIVE_INFINITY,
    });
    this.#self = stateOf(self);
    this.#peers = peers.map(stateOf);
    this.#voters = [self, ...peers].map(({ id }) => id).sort();
    this.#socket = new PeerSocket({
      address: self.address,
      port: self.port,
      received: (datagram, from) => this.#receive(datagram, from),
      bound: () => this.#noteBound(),
      bindFailed: (code, retryInMs) => this.#noteBindFailure(code, retryInMs),
      sendFailed: (code) => this.#noteUnsent(code),
    });
  }

  /** Opens the socket, and greets the peers as soon as it is bound. */
  open(): void {
    this.#socket.open();
  }

  /** Ends it. Nothing is called back afterwards. */
  close(): void {
    clearInterval(this.#greeting);
    this.#socket.close();
  }

  /** Signs with the first of these from now on, and verifies with all. */
  setKeys(keys: Keyring): void {
    this.#keys = deriveSigningKeys(keys, this.#options.clusterId);
  }

  /** Sends a message; on return the kernel has it, or it is counted as unsent. */
  send(to: string, message: Message): void {
    const peer = this.#peer(to);
    const { session, header } = seal(peer.session, 'message');
    peer.session = session;
    this.#transmit(peer, header, encodeMessage(message, this.#voters), peer.voter);
  }

  /**
   * The resignation as the guard may send it to `to` when this process cannot any more; undefined
   * while that peer has not been met. Void once `renewed` has been called for the peer.
   */
  sealResignation(to: string, message: Resignation): SealedDatagram | undefined {
    const peer = this.#peer(to);
    const header = sealPrepared(peer.session);
    if (header === undefined) return undefined;
    const payload = this.#seal(peer, header, encodeMessage(message, this.#voters));
    return { address: peer.voter.address, port: peer.voter.port, payload };
  }

  /**
   * Calls `judge` once all that has arrived was given to `received`; before any silence is judged.
   */
  drain(judge: () => void): void {
    this.#socket.drain(judge);
  }

  /** What is known of each peer, in the order of the configuration. */
  report(): readonly PeerReport[] {
    const now = this.#options.now();
    return this.#peers.map(({ voter, health }) => ({
      ...voter,
      lastSeenMs: health.seenMs(now),
      problem: health.problem(now, this.#options.liveMs),
    }));
  }

  counters(): TransportCounters {
    return {
      sent: this.#sent,
      accepted: this.#accepted,
      dropped: this.#dropped,
      unsent: this.#unsent,
    };
  }

  #peer(id: string): PeerState {
    const peer = this.#peers.find(({ voter }) => voter.id === id);
    invariant(peer !== undefined, `"${id}" is not a peer`);
    return peer;
  }

  #noteBound(): void {
    const { self, log } = this.#options;
    if (this.#bindFailures > 0)
      log.info({ address: self.address, port: self.port }, 'listening to peers');
    this.#bindFailures = 0;
    this.#greetSilent();
    clearInterval(this.#greeting);
    this.#greeting = setInterval(() => this.#greetSilent(), GREET_INTERVAL_MS);
  }

  /** Greets those that nothing was sent to lately. */
  #greetSilent(): void {
    const before = this.#options.now() - GREET_INTERVAL_MS;
    for (const peer of this.#peers) if (peer.sentAt <= before) this.#greet(peer);
  }

  #greet(peer: PeerState): void {
    const { session, header } = seal(peer.session, 'hello');
    peer.session = session;
    this.#transmit(peer, header, NO_MESSAGE, peer.voter);
  }

  #transmit(
    peer: PeerState,
    header: SessionHeader,
    message: Uint8Array,
    to: { readonly address: string; readonly port: number },
  ): void {
    this.#sent += 1;
    peer.sentAt = this.#options.now();
    this.#socket.send(this.#seal(peer, header, message), to);
  }

  #seal(peer: PeerState, header: SessionHeader, message: Uint8Array): Uint8Array {
    const [key] = this.#keys;
    const ends = { from: this.#self.fingerprint, to: peer.fingerprint };
    const envelope = { ...header, ...ends, keyId: key.id, cluster: this.#cluster };
    return sealDatagram(envelope, message, key);
  }

  #receive(datagram: Buffer, source: { readonly address: string; readonly port: number }): void {
    const opened = openDatagram(datagram, this.#cluster, this.#keys);
    if (opened.kind === 'faulty') return this.#drop(opened.fault, source, this.#peerAt(source));
    const { envelope } = opened;
    const peer =
      envelope.from === this.#self.fingerprint
        ? this.#self
        : this.#peers.find((known) => known.fingerprint === envelope.from);
    if (peer === undefined) return this.#drop('unknown-sender', source);
    // What carries our own name is judged wherever it was meant to go: it may be a twin's.
    if (peer !== this.#self && envelope.to !== this.#self.fingerprint) {
      return this.#drop('not-for-us', source);
    }
    const now = this.#options.now();
    const judged = accept(peer.session, envelope, now, this.#options.liveMs);
    peer.session = judged.session;
    if (judged.kind === 'refused') {
      this.#drop(judged.reason, source, peer);
      if (judged.reply !== undefined) this.#transmit(peer, judged.reply, NO_MESSAGE, source);
      return;
    }
    this.#accepted += 1;
    if (judged.reply !== undefined) this.#transmit(peer, judged.reply, NO_MESSAGE, source);
    peer.health.noteAccepted(now, judged.renewed);
    if (peer === this.#self) return this.#options.twinHeard(judged.instance);
    if (judged.renewed) this.#options.renewed(peer.voter.id);
    if (envelope.kind === 'hello') return;
    const message = decodeMessage(opened.message, this.#voters);
    const prepared = envelope.kind === 'prepared';
    if (message === undefined || (prepared && message.kind !== 'resignation')) {
      return this.#drop('unknown-message', source, peer);
    }
    this.#options.received({ id: peer.voter.id, instance: judged.instance }, message, now);
  }

  /** For what nobody vouches for, the address is a hint at least. */
  #peerAt({ address, port }: { readonly address: string; readonly port: number }) {
    return this.#peers.find(({ voter }) => voter.address === address && voter.port === port);
  }

  #drop(
    reason: DropReason,
    source: { readonly address: string; readonly port: number },
    peer?: PeerState,
  ): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
    if (ORDINARY.has(reason)) return;
    const now = this.#options.now();
    peer?.health.noteRefused(now, reason);
    // So does a peer that has just restarted: until the process before it has been silent long
    // enough.
    if (reason === 'another-instance' && peer?.health.hasTwins(now) !== true) return;
    const kept = this.#quiet.admit(`${reason} ${peer?.voter.id ?? ''}`, now);
    if (kept === undefined) return;
    const { address, port } = source;
    this.#options.log.warn(
      { reason, peer: peer?.voter.id, address, port, kept },
      'datagram dropped',
    );
  }

  #noteUnsent(code: string): void {
    this.#unsent.set(code, (this.#unsent.get(code) ?? 0) + 1);
    // Without its address the socket has said so already.
    if (code === 'not-bound') return;
    const kept = this.#quiet.admit(`unsent ${code}`, this.#options.now());
    if (kept !== undefined) this.#options.log.warn({ reason: code, kept }, 'datagram not sent');
  }

  #noteBindFailure(reason: string, retryInMs: number): void {
    this.#bindFailures += 1;
    const { self, log, now } = this.#options;
    if (this.#quiet.admit(`bind ${reason}`, now()) === undefined) return;
    const { address, port } = self;
    const fields = { address, port, reason, attempt: this.#bindFailures, retryInMs };
    log.warn(fields, 'cannot listen to peers yet');
  }
}

function refuseOtherFamily(self: Voter, peer: Voter): void {
  if (self.address.includes(':') === peer.address.includes(':')) return;
  throw new OperationalError(
    `Cannot reach peer "${peer.id}" at ${peer.address} from ${self.address}: IPv4 and IPv6`,
    { code: 'bad-peers', hint: 'Give all peers addresses of one family' },
  );
}
