import type { Effect, RaftEvent } from '../../src/core/election/raft/state.ts';
import type { Agenda } from './agenda.ts';
import type { Voter } from './voter.ts';

/** What broke, in the words of a story's end. */
export interface Violation {
  readonly rule: 'two-rights' | 'two-servers' | 'no-leader' | 'unrest';
  readonly at: number;
  readonly text: string;
}

/** What is worth trying, and in which words a run says how often it was. */
export const TALLIED = {
  twoLeaders: 'two leaders by role at once',
  rights: 'rights given or extended',
  restartsInPromise: 'processes ended inside a promise',
  lostFiles: 'state files lost or torn',
  guardFired: 'guards that withdrew by themselves',
  handoffs: 'leaderships transferred',
  lostTransfers: 'transfers that did not arrive',
  resignations: 'leaders elected after a resignation',
  listChanges: 'lists changed as a whole',
  listsRefused: 'starts refused for another list',
  profileChanges: 'rolling changes of profile',
  twinsHeard: 'twins found by each other',
  twinsRefused: 'twins refused by a peer',
  replays: 'recorded datagrams sent again',
  holdRefused: 'promises refused for their length',
} as const;

export type Tallied = keyof typeof TALLIED;
/** How often each was tried: all of it is counted, so that a run can be believed. */
export type Tally = Map<string, number>;

export function count(tally: Tally, name: Tallied): void {
  add(tally, name, 1);
}

export function add(tally: Tally, name: string, more: number): void {
  tally.set(name, (tally.get(name) ?? 0) + more);
}

/** Differences of clock readings are as exact as a double is. */
const ROUNDING_MS = 1e-6;

/**
 * Watches every step, in true time, which nobody else knows: no two processes have a right, or
 * serve, at one instant.
 */
export class Referee {
  readonly #agenda: Agenda;
  readonly #voters: readonly Voter[];
  readonly tally: Tally = new Map();
  readonly story: string[] | undefined;
  violation: Violation | undefined;
  roleChanges = 0;
  #transfer: { readonly term: number; readonly target: string } | undefined;

  constructor(agenda: Agenda, voters: readonly Voter[], traced: boolean) {
    this.#agenda = agenda;
    this.#voters = voters;
    this.story = traced ? [] : undefined;
  }

  tell(text: string): void {
    this.story?.push(`${this.#agenda.now.toFixed(1).padStart(9)}  ${text}`);
  }

  break(rule: Violation['rule'], text: string): void {
    this.tell(`${rule}: ${text}`);
    this.violation ??= { rule, at: this.#agenda.now, text };
  }

  stepped(voter: Voter, event: RaftEvent, effects: readonly Effect[]): void {
    if (event.kind === 'twin-heard') count(this.tally, 'twinsHeard');
    for (const effect of effects) {
      if (effect.kind === 'right-extended') this.#checkRight(voter, effect.endsAt);
      else if (effect.kind === 'role-changed') this.#noteRole(voter, effect);
      else if (effect.kind === 'send') this.#noteTransfer(effect);
      else if (effect.kind === 'peer-refused' && effect.reason === 'hold-too-long') {
        count(this.tally, 'holdRefused');
      } else if (effect.kind === 'give-up-right') {
        this.tell(`${nameOf(voter)} gives up its right of term ${effect.term}: ${effect.reason}`);
      }
    }
  }

  #checkRight(voter: Voter, endsAt: number): void {
    const { now } = this.#agenda;
    count(this.tally, 'rights');
    for (const other of this.#voters) {
      if (other === voter || other.rightEndsAt <= now + ROUNDING_MS) continue;
      const left = (other.rightEndsAt - now).toFixed(1);
      const until = voter.machine.trueTime(endsAt).toFixed(1);
      this.break(
        'two-rights',
        `${nameOf(voter)} has the right until ${until} (term ${voter.state.term}), while ` +
          `${nameOf(other)} has it for ${left} ms more (term ${other.state.term})`,
      );
    }
  }

  #noteRole(voter: Voter, effect: Effect & { kind: 'role-changed' }): void {
    this.roleChanges += 1;
    const leader = effect.leader === undefined ? '' : ` of ${effect.leader}`;
    const role = effect.role === 'follower' ? `follower${leader}` : effect.role;
    this.tell(`${nameOf(voter)} is ${role} in term ${effect.term}: ${effect.reason}`);
    if (effect.role !== 'leader') return;
    if (effect.reason === 'resigned') count(this.tally, 'resignations');
    const others = this.#voters.some(
      (other) => other !== voter && other.alive && other.state.role === 'leader',
    );
    if (others) count(this.tally, 'twoLeaders');
    const transfer = this.#transfer;
    this.#transfer = undefined;
    if (transfer === undefined) return;
    const arrived = transfer.target === voter.id && transfer.term + 1 === effect.term;
    if (!arrived) count(this.tally, 'lostTransfers');
  }

  #noteTransfer(effect: Effect & { kind: 'send' }): void {
    const { message, to } = effect;
    if (message.kind !== 'resignation' || message.target !== to) return;
    count(this.tally, 'handoffs');
    this.#transfer = { term: message.term, target: to };
  }

  beganServing(voter: Voter): void {
    this.tell(`${nameOf(voter)} serves`);
    for (const other of this.#voters) {
      if (other === voter || !other.fence.serving) continue;
      this.break('two-servers', `${nameOf(voter)} serves, and ${nameOf(other)} still does`);
    }
  }

  /** A leader has to serve when everything has been well for long enough. */
  checkRecovery(): void {
    if (this.#voters.some((voter) => voter.fence.serving)) return;
    const roles = this.#voters
      .filter((voter) => voter.alive)
      .map((voter) => `${voter.id} ${voter.state.role} in term ${voter.state.term}`);
    this.break('no-leader', `nobody serves; ${roles.join(', ')}`);
  }
}

/** A node's id, and which of its lives this is where that matters. */
export function nameOf(voter: Voter): string {
  return `${voter.id}#${(voter.config.instance & 0xfffn).toString(16).padStart(3, '0')}`;
}
