/**
 * Every search: what it is about, whether the rules of docs/explanation/fencing.md are on or which
 * of them is off, and whether it has to come out clean.
 */
import { apiLossModel } from './api-loss-model.ts';
import { assignmentModel, sharedAddressModel } from './assignment-model.ts';
import { explore, type Model, type Verdict } from './explore.ts';
import { type GateRules, gateModel } from './gate-model.ts';
import { type GuardRules, guardModel } from './guard-model.ts';
import { type ListRules, listModel } from './list-model.ts';
import { type PromiseRules, promiseModel } from './promise-model.ts';
import { type SessionRules, sessionModel } from './session-model.ts';
import { type VoteRules, voteModel } from './vote-model.ts';

export interface Search {
  /** The letter and number of the rule. */
  readonly rule: string;
  readonly about: string;
  readonly clean: boolean;
  readonly run: () => Verdict;
}

type Row = readonly [rule: string, about: string];

const clean = <State>([rule, about]: Row, model: Model<State>): Search => ({
  rule,
  about,
  clean: true,
  run: () => explore(model),
});
const broken = <State>(row: Row, model: Model<State>): Search => ({
  ...clean(row, model),
  clean: false,
});

const votes = (rules: Partial<VoteRules>): ReturnType<typeof voteModel> =>
  voteModel({
    abstains: 'all',
    keepsVote: false,
    acknowledgementBinds: true,
    restarts: 1,
    transfers: 0,
    releases: 'process',
    followerStandsDown: true,
    givesUpForGood: true,
    promisesAhead: 'since-before',
    ...rules,
  });
const VOTES_ONLY = { acknowledgementBinds: false, keepsVote: true } as const;

const THREE = [2, 2, 2];
const TWO = [3, 3];
const promises = (rules: Partial<PromiseRules>): ReturnType<typeof promiseModel> =>
  promiseModel({
    holds: THREE,
    askers: 2,
    restartAbstains: true,
    acknowledgementBinds: true,
    refusesLongHold: true,
    countsFromSending: true,
    slowBy: 0,
    margin: 0,
    ...rules,
  });

const lists = (rules: Omit<ListRules, 'changes'>): ReturnType<typeof listModel> =>
  listModel({ ...rules, changes: 'each' });
const REPLACED = ['ABC', 'ABD'];
const GROWN = ['ABC', 'ABCD', 'ABCDE'];

const sessions = (rules: Partial<SessionRules>): ReturnType<typeof sessionModel> =>
  sessionModel({
    takes: 'ended-by-cas',
    neverRevived: false,
    promptWatch: false,
    epochs: false,
    ...rules,
  });
const SEEN = { takes: 'seen-silent' } as const;

const BOTH = { awaitsAcknowledgement: true, raisesTerm: true };
const GATE: GateRules = {
  twoTimeouts: true,
  countsUnderWay: true,
  livingOnly: true,
  ticket: true,
  relative: false,
};
const gate = (rules: Partial<GateRules>): ReturnType<typeof gateModel> =>
  gateModel({ ...GATE, ...rules });
const guard = (rules: Partial<GuardRules>): ReturnType<typeof guardModel> =>
  guardModel({ compareAndSwap: true, withdrawsFirst: true, ...rules });

const ELECTION: readonly Search[] = [
  broken(
    ['A1', 'votes on disk, who restarts abstains from nothing'],
    votes({ ...VOTES_ONLY, abstains: 'nothing' }),
  ),
  clean(
    ['A1', 'votes on disk, who restarts abstains from votes'],
    votes({ ...VOTES_ONLY, abstains: 'votes' }),
  ),
  broken(
    ['A2', 'the same, and the vote is lost'],
    votes({ ...VOTES_ONLY, abstains: 'votes', keepsVote: false }),
  ),
  clean(['A2', 'votes lost, acknowledgements bind and are abstained from'], votes({ restarts: 2 })),
  broken(['A2', 'who acknowledges goes on standing'], votes({ followerStandsDown: false })),
  clean(['A3', 'no election, nothing stored: three nodes'], promises({})),
  clean(['A3', 'the same: three nodes that all ask'], promises({ askers: 3 })),
  clean(['A3', 'the same: two nodes'], promises({ holds: TWO })),
  broken(['A3', 'who restarts does not abstain'], promises({ restartAbstains: false })),
  broken(['A3', 'the same: two nodes'], promises({ holds: TWO, restartAbstains: false })),
  broken(['A3', 'acknowledgements do not bind'], promises({ acknowledgementBinds: false })),
  broken(['A3', 'the right counts from the answer'], promises({ countsFromSending: false })),
  clean(['A3', 'mixed holdMs, longer ones refused'], promises({ holds: [3, 2, 2] })),
  broken(
    ['A3', 'mixed holdMs, longer ones shortened'],
    promises({ holds: [3, 2, 2], refusesLongHold: false }),
  ),
  clean(
    ['A3', 'clocks apart, right shorter by that'],
    promises({ holds: TWO, slowBy: 3, margin: 1 }),
  ),
  broken(['A3', 'clocks apart, right as long as the promise'], promises({ holds: TWO, slowBy: 3 })),
  clean(['A4', 'a transfer, lost, late or twice'], votes({ restarts: 1, transfers: 1 })),
  broken(
    ['A4', 'the release names no leader and term'],
    votes({ restarts: 0, transfers: 1, releases: 'anybody' }),
  ),
  broken(
    ['A4', 'the release names a leader, not its process'],
    votes({ transfers: 1, releases: 'leader' }),
  ),
  broken(
    ['A4', 'who transferred goes on in that term'],
    votes({ restarts: 0, transfers: 1, givesUpForGood: false }),
  ),
  broken(
    ['A4', 'who transferred does not keep the promise that its successor counts'],
    votes({ restarts: 0, transfers: 1, promisesAhead: 'not-kept' }),
  ),
  broken(
    ['A4', 'the successor counts that promise from when it hears of it'],
    votes({ restarts: 0, transfers: 1, promisesAhead: 'since-heard' }),
  ),
  broken(['A5', 'C replaced by D, lists not compared'], lists({ lists: REPLACED, helps: 'any' })),
  broken(['A5', 'C replaced by D, lists compared'], lists({ lists: REPLACED, helps: 'same' })),
  broken(
    ['A5', 'grown by one and one, compared within one'],
    lists({ lists: GROWN, helps: 'within-one' }),
  ),
  clean(
    ['A5', 'C replaced by D, all stopped between'],
    listModel({ lists: REPLACED, helps: 'same', changes: 'all-stopped' }),
  ),
];

const CLUSTER: readonly Search[] = [
  broken(
    ['B1', 'claim taken when the session was seen silent'],
    sessions({ ...SEEN, promptWatch: true }),
  ),
  broken(
    ['B1', 'the same, lapsed sessions never revived'],
    sessions({ ...SEEN, neverRevived: true }),
  ),
  clean(['B1', 'session ended by compare-and-swap first'], sessions({})),
  clean(['B1', 'the same, with epochs'], sessions({ epochs: true })),
  broken(['B2', 'two Services share an address, each elected'], sharedAddressModel('service')),
  clean(['B2', 'elected as one group'], sharedAddressModel('group')),
  clean(['B3', 'tables, acknowledged, terms raised'], assignmentModel(BOTH)),
  broken(
    ['B3', 'acknowledgements not awaited'],
    assignmentModel({ ...BOTH, awaitsAcknowledgement: false }),
  ),
  broken(
    ['B3', 'a new assigner does not raise the term'],
    assignmentModel({ ...BOTH, raisesTerm: false }),
  ),
  clean(['B5', 'API server lost: released'], apiLossModel('lease')),
  broken(['B5', 'API server lost: held while nobody contests'], apiLossModel('nobody-contests')),
  clean(['B5', "API server lost: held by Raft's majority"], apiLossModel('raft')),
];

const FENCES: readonly Search[] = [
  clean(['C7', 'ticket, two time-outs, frames counted, living only'], gate({})),
  broken(['C6', 'opened with the time that was left'], gate({ ticket: false, relative: true })),
  broken(['C7', 'opened without a ticket'], gate({ ticket: false })),
  broken(['C7', 'renewed to the deadline, not two time-outs before'], gate({ twoTimeouts: false })),
  broken(['C7', 'frames that are under way are not counted'], gate({ countsUnderWay: false })),
  broken(['C7', 'a renewal makes an element, too'], gate({ livingOnly: false })),
  clean(['D2', 'deadline page by compare-and-swap'], guard({})),
  broken(['D2', 'deadline page by plain stores'], guard({ compareAndSwap: false })),
  broken(['D7', 'told before it is withdrawn'], guard({ withdrawsFirst: false })),
];

export const SEARCHES: readonly Search[] = [...ELECTION, ...CLUSTER, ...FENCES];
