/**
 * What voters say to each other, and its bytes.
 *
 * Who speaks is not in a message: the channel knows it, authenticated (channel.ts). Voters are
 * named by their place in the sorted list, which both sides share, or else the list's fingerprint
 * differs and nothing else in the message counts.
 */
export type Message =
  | Heartbeat
  | HeartbeatAck
  | PreVoteRequest
  | PreVote
  | VoteRequest
  | Vote
  | Resignation
  | StaleTerm;

export interface MessageBase {
  /** `listFingerprint` of the sender's voters (fencing.md A5). */
  readonly list: bigint;
  /** The sender's term, unless the message says otherwise. */
  readonly term: number;
}

/** The leader asks for everybody's promise: AppendEntries without entries (Raft §5.2). */
export interface Heartbeat extends MessageBase {
  readonly kind: 'heartbeat';
  /** Counts the leader's rounds in this term, from 1. */
  readonly sequence: number;
  /** How long an acknowledgement binds its sender, from its receipt. */
  readonly holdMs: number;
  /** How many others are to be let go first when this leader is gone (fencing.md A10). */
  readonly rank: number;
}

/** The promise that was asked for, given. */
export interface HeartbeatAck extends MessageBase {
  readonly kind: 'heartbeat-ack';
  readonly sequence: number;
  /** This voter could serve, were it elected. */
  readonly eligible: boolean;
  /** 0 to 255; the greater is preferred as successor. */
  readonly priority: number;
  /** Whole ms of this voter's own clock, that it alone can read: a resignation gives them back. */
  readonly at: number;
}

/** Asks who would vote for the sender in `term`, which it has not entered (Raft thesis §9.6). */
export interface PreVoteRequest extends MessageBase {
  readonly kind: 'pre-vote-request';
  readonly holdMs: number;
}

export interface PreVote extends MessageBase {
  readonly kind: 'pre-vote';
  readonly granted: boolean;
  /** The term of the request when granted, else the voter's own. */
  readonly term: number;
}

export interface VoteRequest extends MessageBase {
  readonly kind: 'vote-request';
  readonly holdMs: number;
  /** Whose resignation from `term - 1` excuses this election from the promises to it. */
  readonly release: Release | undefined;
}

/**
 * A leader's life in a term that it has given up: promises to it alone are void (fencing.md A4).
 */
export interface Release {
  readonly leader: string;
  readonly instance: bigint;
}

export interface Vote extends MessageBase {
  readonly kind: 'vote';
  readonly granted: boolean;
}

/**
 * The sender led `term`, serves nothing any more and never will again in that term: TimeoutNow of
 * leadership transfer (Raft thesis §3.10) when it names a target, and what a guard sends when it
 * has withdrawn for its daemon.
 */
export interface Resignation extends MessageBase {
  readonly kind: 'resignation';
  /** Who is to stand for election at once; the others wait for their turn. */
  readonly target: string | undefined;
  /** What the sender promises the target; undefined without one, and from a guard. */
  readonly promise: PromiseAhead | undefined;
}

/**
 * A promise to the process that is to lead next, as if it had led already and asked for it when it
 * last acknowledged a heartbeat.
 */
export interface PromiseAhead {
  readonly instance: bigint;
  /** `at` of that acknowledgement. */
  readonly at: number;
  /** How long the promise binds the sender, from later than `at`. */
  readonly holdMs: number;
}

/** The answer to a message of a term that is over. */
export interface StaleTerm extends MessageBase {
  readonly kind: 'stale-term';
}

const FORMAT = 1;
const KINDS = [
  'heartbeat',
  'heartbeat-ack',
  'pre-vote-request',
  'pre-vote',
  'vote-request',
  'vote',
  'resignation',
  'stale-term',
] as const satisfies readonly Message['kind'][];

/** All messages have one length, so that no length can be wrong. */
export const MESSAGE_BYTES = 40;
const NOBODY = 0xff;

/*
 *  0        1       2       3            4            8                 16
 *  | format | kind  | flags | rank/prio  | holdMs     | list            |
 * 16                        24                        32               40
 *  | term                   | sequence or at          | instance or at  |
 *
 * All numbers are big-endian. Byte 3 is the rank, the priority, or the place of a voter in the
 * list. An acknowledgement has its `at` last, a resignation before the instance, which is 0 where
 * nothing is promised.
 */

/** The bytes of a message; `voters` is the sorted list that its `list` stands for. */
export function encodeMessage(message: Message, voters: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(MESSAGE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, FORMAT);
  view.setUint8(1, KINDS.indexOf(message.kind));
  view.setBigUint64(8, message.list);
  view.setBigUint64(16, BigInt(message.term));
  switch (message.kind) {
    case 'heartbeat':
      view.setUint8(3, message.rank);
      view.setUint32(4, message.holdMs);
      view.setBigUint64(24, BigInt(message.sequence));
      break;
    case 'heartbeat-ack':
      view.setUint8(2, message.eligible ? 1 : 0);
      view.setUint8(3, message.priority);
      view.setBigUint64(24, BigInt(message.sequence));
      view.setBigUint64(32, BigInt(message.at));
      break;
    case 'pre-vote-request':
      view.setUint32(4, message.holdMs);
      break;
    case 'vote-request':
      view.setUint8(3, placeOf(message.release?.leader, voters));
      view.setUint32(4, message.holdMs);
      view.setBigUint64(32, message.release?.instance ?? 0n);
      break;
    case 'pre-vote':
    case 'vote':
      view.setUint8(2, message.granted ? 1 : 0);
      break;
    case 'resignation':
      view.setUint8(3, placeOf(message.target, voters));
      view.setUint32(4, message.promise?.holdMs ?? 0);
      view.setBigUint64(24, BigInt(message.promise?.at ?? 0));
      view.setBigUint64(32, message.promise?.instance ?? 0n);
      break;
    case 'stale-term':
      break;
  }
  return bytes;
}

function placeOf(voter: string | undefined, voters: readonly string[]): number {
  const place = voter === undefined ? -1 : voters.indexOf(voter);
  return place === -1 ? NOBODY : place;
}

/** The message in `bytes`, or undefined when they hold none of this format. Never throws. */
export function decodeMessage(bytes: Uint8Array, voters: readonly string[]): Message | undefined {
  if (bytes.length !== MESSAGE_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = KINDS[view.getUint8(1)];
  const flag = view.getUint8(2);
  if (view.getUint8(0) !== FORMAT || kind === undefined || flag > 1) return undefined;
  const base: MessageBase = { list: view.getBigUint64(8), term: readCount(view, 16) };
  const sequence = readCount(view, 24);
  if (!Number.isSafeInteger(base.term) || !Number.isSafeInteger(sequence)) return undefined;
  if (kind === 'heartbeat-ack' && !Number.isSafeInteger(readCount(view, 32))) return undefined;
  return readBody(kind, view, { base, sequence, flag: flag === 1 }, voters);
}

function readBody(
  kind: Message['kind'],
  view: DataView,
  read: { readonly base: MessageBase; readonly sequence: number; readonly flag: boolean },
  voters: readonly string[],
): Message {
  const { base, sequence, flag } = read;
  const place = view.getUint8(3);
  const holdMs = view.getUint32(4);
  switch (kind) {
    case 'heartbeat':
      return { kind, ...base, sequence, holdMs, rank: place };
    case 'heartbeat-ack':
      return {
        kind,
        ...base,
        sequence,
        eligible: flag,
        priority: place,
        at: readCount(view, 32),
      };
    case 'pre-vote-request':
      return { kind, ...base, holdMs };
    case 'vote-request':
      return { kind, ...base, holdMs, release: readRelease(voters[place], view) };
    case 'pre-vote':
    case 'vote':
      return { kind, ...base, granted: flag };
    case 'resignation':
      return { kind, ...base, target: voters[place], promise: readPromise(view, sequence) };
    case 'stale-term':
      return { kind, ...base };
  }
}

function readRelease(leader: string | undefined, view: DataView): Release | undefined {
  return leader === undefined ? undefined : { leader, instance: view.getBigUint64(32) };
}

function readPromise(view: DataView, at: number): PromiseAhead | undefined {
  const instance = view.getBigUint64(32);
  return instance === 0n ? undefined : { instance, at, holdMs: view.getUint32(4) };
}

function readCount(view: DataView, offset: number): number {
  return Number(view.getBigUint64(offset));
}
