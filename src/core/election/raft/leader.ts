/** What a leader does: asks for promises, counts them, and gives up in time or when asked. */
import type { GiveUpReason, HandoffRefusal } from '../election.ts';
import type { HeartbeatAck, PromiseAhead, Resignation } from './message.ts';
import type { Sender } from './promise.ts';
import { newestByMajority } from './quorum.ts';
import { rightEnd, rightMs } from './right.ts';
import type { Leadership, PeerProgress } from './state.ts';
import { becomeRole, releaseFor, save, send, stepDown, type Turn } from './turn.ts';

const UNHEARD: PeerProgress = {
  acknowledged: 0,
  heardAt: Number.NEGATIVE_INFINITY,
  eligible: false,
  priority: 0,
  instance: 0n,
  at: 0,
};

/**
 * Leads the term that a majority voted for. That gives no right yet: promises do, of whom it
 * succeeds, or else the acknowledgements of the first heartbeat.
 */
export function becomeLeader(turn: Turn): void {
  const { state, now, config } = turn;
  // From here on it promises itself each round that it sends, and nobody else.
  state.promise = undefined;
  state.leaderHeardAt = now;
  const release = releaseFor(turn, state.term);
  // A promise ahead counts as the answer to a first round, that was sent when it may count from.
  const rounds = release?.promisedAt === undefined ? [] : [release.promisedAt];
  const promised = { ...UNHEARD, acknowledged: rounds.length };
  state.leading = {
    sequence: rounds.length,
    sentAt: rounds,
    peers: config.voters.map((voter) => (voter === release?.leader ? promised : UNHEARD)),
    heartbeatAt: now,
    rightEndsAt: Number.NEGATIVE_INFINITY,
    leadsUntil: now + config.electionTimeoutMs,
  };
  becomeRole(turn, 'leader', config.self, state.cause);
  extendRight(turn, state.leading);
  sendHeartbeats(turn, state.leading);
}

export function tickLeader(turn: Turn, leading: Leadership): void {
  if (turn.now >= leading.leadsUntil) stepDown(turn, 'right-expired');
  else sendHeartbeats(turn, leading);
}

function sendHeartbeats(turn: Turn, leading: Leadership): void {
  const { state, now, config } = turn;
  const sequence = leading.sequence + 1;
  // What is older than a promise could only give a right that is over.
  const kept = leading.sentAt.findIndex((sentAt) => now - sentAt < config.electionTimeoutMs);
  const sentAt = [...(kept === -1 ? [] : leading.sentAt.slice(kept)), now];
  const heartbeatAt = now + heartbeatIntervalMs(turn, leading);
  state.leading = { ...leading, sequence, sentAt, heartbeatAt };
  const standings = standingsOf(turn, leading.peers);
  for (const [place, voter] of config.voters.entries()) {
    if (voter === config.self) continue;
    send(turn, voter, {
      kind: 'heartbeat',
      list: config.list,
      term: state.term,
      sequence,
      holdMs: config.electionTimeoutMs,
      rank: rankAmong(standings, place),
    });
  }
  if (config.voters.length === 1) extendRight(turn, state.leading);
}

/**
 * A right outlives four heartbeats that nobody answers. With three frames of ten lost that many go
 * astray every quarter of a minute, and each time the fences end the term: so the leader asks more
 * often while what it asked last is not answered yet.
 */
function heartbeatIntervalMs({ now, config }: Turn, { rightEndsAt }: Leadership): number {
  const answeredAt = rightEndsAt - rightMs(config.electionTimeoutMs);
  const isAnswered = now - answeredAt < 1.5 * config.heartbeatMs;
  return isAnswered ? config.heartbeatMs : HURRY * config.heartbeatMs;
}

const HURRY = 0.4;

export function countAck(turn: Turn, from: Sender, ack: HeartbeatAck): void {
  const { state, now, config } = turn;
  const { leading } = state;
  if (leading === undefined) return;
  const place = config.voters.indexOf(from.id);
  const before = leading.peers[place] ?? UNHEARD;
  // Nothing can be acknowledged that was not sent.
  const sequence = ack.sequence > leading.sequence ? 0 : ack.sequence;
  const peer: PeerProgress = {
    acknowledged: Math.max(before.acknowledged, sequence),
    heardAt: now,
    eligible: ack.eligible,
    priority: ack.priority,
    instance: from.instance,
    at: ack.at,
  };
  state.leading = { ...leading, peers: leading.peers.with(place, peer) };
  if (peer.acknowledged > before.acknowledged) extendRight(turn, state.leading);
  if (state.obstacle !== undefined) yieldToEligible(turn, 'ineligible');
}

/** Extends the right to what the newest heartbeat gives that a majority has acknowledged. */
function extendRight(turn: Turn, leading: Leadership): void {
  const { state, now, config } = turn;
  const own = config.voters.indexOf(config.self);
  const sequence = newestByMajority(
    leading.peers.map((peer, place) => (place === own ? leading.sequence : peer.acknowledged)),
  );
  const sentAt = leading.sentAt.at(sequence - leading.sequence - 1);
  if (sequence === 0 || sentAt === undefined) return;
  const endsAt = rightEnd(sentAt, config.electionTimeoutMs);
  if (endsAt <= now || endsAt <= leading.rightEndsAt) return;
  const first = leading.rightEndsAt === Number.NEGATIVE_INFINITY;
  const leadsUntil = Math.max(leading.leadsUntil, endsAt);
  state.leading = { ...leading, rightEndsAt: endsAt, leadsUntil };
  turn.effects.push({ kind: 'right-extended', term: state.term, endsAt });
  if (first) {
    const message = resignation(turn, undefined);
    turn.effects.push({ kind: 'prepare-resignation', message });
  }
}

/** Hands the leadership to `target`, or to the first successor, when a person wants it. */
export function handOff(turn: Turn, target: string | undefined): void {
  const refusal = refusalOf(turn, target);
  if (refusal !== undefined) {
    turn.effects.push({ kind: 'handoff-refused', reason: refusal });
    return;
  }
  resign(turn, 'handoff', target ?? successorOf(turn));
}

function refusalOf(turn: Turn, target: string | undefined): HandoffRefusal | undefined {
  const { state, config } = turn;
  if (state.leading === undefined) return 'not-leader';
  if (target === undefined) {
    return successorOf(turn) === undefined ? 'no-eligible-peer' : undefined;
  }
  const place = config.voters.indexOf(target);
  if (place === -1 || target === config.self) return 'unknown-target';
  return canSucceed(turn, state.leading.peers[place]) ? undefined : 'no-eligible-peer';
}

/** Hands over because of this node's own trouble, if somebody else has none. */
export function yieldToEligible(turn: Turn, reason: GiveUpReason): void {
  const successor = successorOf(turn);
  if (successor !== undefined) resign(turn, reason, successor);
}

/** Gives up whatever it has, whoever may come after, and stands for nothing any more. */
export function leave(turn: Turn): void {
  turn.state.leaving = true;
  if (turn.state.role === 'leader') resign(turn, 'shutdown', successorOf(turn));
}

/**
 * Gives up the right for the rest of the term, and only then lets the others know: a successor may
 * serve a few milliseconds after that (fencing.md A4).
 */
function resign(turn: Turn, reason: GiveUpReason, target: string | undefined): void {
  const { config } = turn;
  const message = resignation(turn, target);
  stepDown(turn, reason);
  if (target !== undefined) {
    voteAhead(turn, target, message.promise);
    // Whom the others wait for hears it first.
    send(turn, target, message);
  }
  for (const voter of config.voters) {
    if (voter !== config.self && voter !== target) send(turn, voter, message);
  }
}

/**
 * Votes for its successor, and promises itself to it, which takes the resignation for both: with
 * two of three votes and promises it need not ask anybody.
 */
function voteAhead(turn: Turn, successor: string, promise: PromiseAhead | undefined): void {
  const { state, now } = turn;
  state.term += 1;
  state.votedFor = successor;
  if (promise !== undefined) {
    const { instance, holdMs } = promise;
    state.promise = { leader: successor, instance, term: state.term, until: now + holdMs };
  }
  save(turn);
}

function resignation(turn: Turn, target: string | undefined): Resignation {
  const { list } = turn.config;
  const promise = promiseAhead(turn, target);
  return { kind: 'resignation', list, term: turn.state.term, target, promise };
}

/** Of what the target said last, so that whoever it is by now takes no other process' promise. */
function promiseAhead(turn: Turn, target: string | undefined): PromiseAhead | undefined {
  const { state, config } = turn;
  if (target === undefined) return undefined;
  const peer = state.leading?.peers[config.voters.indexOf(target)];
  if (peer === undefined || peer.instance === 0n) return undefined;
  return { instance: peer.instance, at: peer.at, holdMs: config.electionTimeoutMs };
}

/** The voter that stands first, if any could serve. */
function successorOf(turn: Turn): string | undefined {
  const { state, config } = turn;
  const standings = standingsOf(turn, state.leading?.peers ?? []);
  const best = Math.max(...standings);
  return best > 0 ? config.voters[standings.indexOf(best)] : undefined;
}

/** Said lately that it could serve. */
function canSucceed(turn: Turn, peer: PeerProgress | undefined): boolean {
  if (peer === undefined || !peer.eligible) return false;
  return turn.now - peer.heardAt < turn.config.electionTimeoutMs;
}

/**
 * How each voter stands when the leader is gone, the greatest first; positive for those that could
 * serve. Those come first, then priority counts, then the order of the list from the leader on: so
 * the successor of a common failover waits for nobody (fencing.md A10).
 */
function standingsOf(turn: Turn, peers: readonly PeerProgress[]): readonly number[] {
  const own = turn.config.voters.indexOf(turn.config.self);
  return peers.map((peer, place) => {
    if (place === own) return Number.NEGATIVE_INFINITY;
    const steps = (place - own + peers.length) % peers.length;
    const standing = (peer.priority + 1) * peers.length - steps;
    return canSucceed(turn, peer) ? standing : standing - STANDING_SPAN;
  });
}

/** More than any priority and place make. */
const STANDING_SPAN = 1_000_000;

/** How many others stand before the voter at `place`. */
function rankAmong(standings: readonly number[], place: number): number {
  const standing = standings[place] ?? Number.NEGATIVE_INFINITY;
  let before = 0;
  for (const other of standings) if (other > standing) before += 1;
  return before;
}
