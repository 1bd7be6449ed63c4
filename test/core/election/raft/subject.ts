import { listFingerprint } from '../../../../src/core/election/raft/fingerprint.ts';
import type { Message } from '../../../../src/core/election/raft/message.ts';
import { nextWakeAt, startRaft, stepRaft } from '../../../../src/core/election/raft/raft.ts';
import type {
  Effect,
  RaftConfig,
  RaftEvent,
  RaftState,
} from '../../../../src/core/election/raft/state.ts';

export const LIST: bigint = listFingerprint('test', ['a', 'b', 'c']);

/**
 * One voter under test: `a` of three unless said otherwise, well, and past its abstention at 300.
 */
export class Subject {
  readonly config: RaftConfig;
  state: RaftState;

  constructor(options: Partial<RaftConfig> = {}, saved = { term: 0, vote: null as string | null }) {
    const voters = options.voters ?? ['a', 'b', 'c'];
    this.config = {
      self: 'a',
      voters,
      list: listFingerprint('test', voters),
      instance: 1n,
      heartbeatMs: 50,
      electionTimeoutMs: 300,
      abstainMs: 300,
      priority: 0,
      voterOnly: false,
      startAsLeader: false,
      ...options,
    };
    this.state = startRaft(this.config, saved, 0, 1).state;
    this.step(0, { kind: 'eligibility', obstacle: undefined });
  }

  /** Takes one event, and says its effects, a line each. */
  step(now: number, event: RaftEvent): string[] {
    const { state, effects } = stepRaft(this.state, event, now, this.config);
    this.state = state;
    return effects.map(inWords);
  }

  tick(now: number): string[] {
    return this.step(now, { kind: 'tick' });
  }

  /** Hears a message of `from`, whose process is `instance` (by default, one for each id). */
  hear(
    now: number,
    from: string,
    message: Unlisted,
    instance: bigint = instanceOf(from),
  ): string[] {
    const listed = { list: this.config.list, ...message } as Message;
    return this.step(now, { kind: 'received', from: { id: from, instance }, message: listed });
  }

  /** Ticks when the machine wants to be, until then. */
  tickUntil(end: number): string[] {
    const lines: string[] = [];
    for (let due = nextWakeAt(this.state); due <= end; due = nextWakeAt(this.state)) {
      lines.push(...this.tick(due));
    }
    return lines;
  }

  /** Has it elected leader of the next term by all others, at `now`. */
  elect(now: number): this {
    this.tickUntil(now);
    const term = this.state.term + 1;
    const others = this.config.voters.filter((voter) => voter !== this.config.self);
    for (const voter of others) this.hear(now, voter, { kind: 'pre-vote', term, granted: true });
    for (const voter of others) this.hear(now, voter, { kind: 'vote', term, granted: true });
    return this;
  }

  /** `from` acknowledges, by a clock that is 1000 ms ahead. */
  ack(now: number, from: string, sequence: number, eligible = true, priority = 0): string[] {
    const { term } = this.state;
    const given = { sequence, eligible, priority, at: now + 1000 };
    return this.hear(now, from, { kind: 'heartbeat-ack', term, ...given });
  }
}

/** A message whose list is the subject's, unless it says another. */
export type Unlisted = Message extends infer Kind
  ? Kind extends Message
    ? Omit<Kind, 'list'> & { readonly list?: bigint }
    : never
  : never;

export function instanceOf(id: string): bigint {
  return BigInt(id.charCodeAt(0) - 96);
}

export function heartbeat(term: number, sequence = 1, holdMs = 300, rank = 0): Unlisted {
  return { kind: 'heartbeat', term, sequence, holdMs, rank };
}

export function voteRequest(
  term: number,
  release?: { readonly leader: string; readonly instance: bigint },
): Unlisted {
  return { kind: 'vote-request', term, holdMs: 300, release };
}

function inWords(effect: Effect): string {
  switch (effect.kind) {
    case 'send':
      return `send ${effect.to} ${messageInWords(effect.message)}`;
    case 'save':
      return `save term ${effect.saved.term}, vote ${effect.saved.vote ?? 'none'}`;
    case 'right-extended':
      return `right of term ${effect.term} until ${effect.endsAt.toFixed(1)}`;
    case 'give-up-right':
      return `give up the right of term ${effect.term}: ${effect.reason}`;
    case 'prepare-resignation':
      return `prepare ${messageInWords(effect.message)}`;
    case 'role-changed': {
      const leader = effect.leader === undefined ? '' : ` of ${effect.leader}`;
      return `${effect.role}${leader} in term ${effect.term}: ${effect.reason}`;
    }
    case 'handoff-refused':
      return `handoff refused: ${effect.reason}`;
    case 'peer-refused':
      return `${effect.peer} refused: ${effect.reason}`;
  }
}

function messageInWords(message: Message): string {
  const { kind, list: _, term, ...rest } = message;
  const words = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      if (typeof value !== 'object') return ` ${name} ${value}`;
      if ('leader' in value) return ` ${name} ${value.leader}#${value.instance}`;
      return ` ${name} #${value.instance} since ${value.at} for ${value.holdMs}`;
    });
  return `${kind} of term ${term}${words.join('')}`;
}
