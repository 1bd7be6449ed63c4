/**
 * What one seed stands for: a cluster, and what goes wrong with it. Values, so that a story can be
 * cut.
 */
import { Random } from './random.ts';

export interface Profile {
  readonly heartbeatMs: number;
  readonly electionTimeoutMs: number;
  readonly marginMs: number;
}

export type ProfileName = 'default' | 'fast' | 'slow';
export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  default: { heartbeatMs: 50, electionTimeoutMs: 300, marginMs: 50 },
  fast: { heartbeatMs: 20, electionTimeoutMs: 100, marginMs: 10 },
  slow: { heartbeatMs: 250, electionTimeoutMs: 2000, marginMs: 50 },
};

/** A node by its place, or whoever leads when the fault begins. */
export type Victim = number | 'leader';
/** What happens to the state file while its process is down. */
export type FileFate = 'kept' | 'stale' | 'lost';
export type Way = 'both' | 'in' | 'out';
/** Who hears what is sent to a doubled id; `elsewhere`: the twin runs in another node's place. */
export type TwinPlace = 'either' | 'twin' | 'first' | 'elsewhere';
/** One voter more, one less, or one in the place of another. */
export type ListChange = 'add' | 'remove' | 'replace';

interface Span {
  readonly at: number;
  readonly until: number;
}

type FaultBody =
  | { readonly kind: 'loss'; readonly victim: Victim | 'all'; readonly probability: number }
  | { readonly kind: 'duplication'; readonly probability: number; readonly lateMs: number }
  | { readonly kind: 'reordering'; readonly jitterMs: number }
  | {
      readonly kind: 'delay';
      readonly victim: Victim;
      readonly delayMs: number;
      readonly way: Way;
    }
  | { readonly kind: 'partition'; readonly side: number; readonly way: Way }
  | { readonly kind: 'isolation'; readonly victim: Victim; readonly way: Way }
  | { readonly kind: 'pause'; readonly victim: Victim }
  /** Pauses between any check and its act: each effect may come late. */
  | {
      readonly kind: 'hesitation';
      readonly victim: Victim;
      readonly probability: number;
      readonly pauseMs: number;
    }
  | { readonly kind: 'suspension'; readonly victim: Victim }
  | {
      readonly kind: 'crash';
      readonly victim: Victim;
      readonly guardSurvives: boolean;
      readonly file: FileFate;
    }
  | { readonly kind: 'power-cut'; readonly file: FileFate }
  | {
      readonly kind: 'twin';
      readonly victim: number;
      readonly place: TwinPlace;
      readonly file: FileFate;
    }
  /** `lateMs`: resignations come twice, the second time so late. */
  | { readonly kind: 'handoff'; readonly target: number | undefined; readonly lateMs: number }
  /** The files of some nodes are edited, and these restarted one by one; later all is put back. */
  | {
      readonly kind: 'list-edit';
      readonly victims: readonly number[];
      readonly change: ListChange;
    }
  /** All nodes stop, forget, and start with the new list. */
  | { readonly kind: 'list-change'; readonly change: 'add' | 'remove' }
  | {
      readonly kind: 'profile-change';
      readonly victims: readonly number[];
      readonly profile: ProfileName;
    }
  | { readonly kind: 'ineligibility'; readonly victim: Victim }
  /** Somebody who listened sends what was said to the victim again. */
  | { readonly kind: 'replay'; readonly victim: Victim; readonly everyMs: number };

export type Fault = Span & FaultBody;
export type FaultKind = Fault['kind'];

export interface Scenario {
  readonly seed: number;
  readonly nodes: number;
  readonly profile: ProfileName;
  /** The place of the node that only votes, or -1. */
  readonly voterOnly: number;
  readonly startAsLeader: number;
  /** Of every datagram, whatever else goes wrong. */
  readonly loss: number;
  readonly faults: readonly Fault[];
  /** By then every fault is over; a leader has to serve within a bound, and until the end. */
  readonly healedAt: number;
  readonly endsAt: number;
}

const FAULTS_FROM = 1500;
const FAULTS_UNTIL = 22_000;
const LONGEST_FAULT_MS = 5000;

/** The scenario of a seed; the same for ever, as long as this file stays as it is. */
export function makeScenario(seed: number): Scenario {
  const random = new Random(seed);
  const nodes = random.pick([2, 3, 3, 3, 3, 3, 4, 4, 5, 5, 6, 7]);
  const profile = random.pick(PROFILE_WEIGHTS);
  const doubled = random.chance(0.07);
  const faults = doubled ? twinStory(random, nodes) : stories(random, nodes, profile);
  return completeScenario({
    seed,
    nodes,
    profile,
    voterOnly: random.chance(0.15) ? random.whole(0, nodes - 1) : -1,
    startAsLeader: random.chance(0.3) ? random.whole(0, nodes - 1) : -1,
    // A twin's peers have to hear both, or nothing can be claimed.
    loss: !doubled && random.chance(0.3) ? random.between(0, 0.03) : 0,
    faults: faults.toSorted((one, other) => one.at - other.at),
  });
}

/** With the times that follow from the faults: some may have been taken out. */
export function completeScenario(scenario: Omit<Scenario, 'healedAt' | 'endsAt'>): Scenario {
  const healedAt = Math.max(FAULTS_FROM, ...scenario.faults.map((fault) => fault.until)) + 10;
  const endsAt = Math.max(30_000, healedAt + recoveryBoundMs(scenario.profile) + 1500);
  return { ...scenario, healedAt, endsAt };
}

/**
 * How soon a leader serves once nothing goes wrong any more: the abstention after a lost file, and
 * a few election timeouts for candidates that are in each other's way.
 */
export function recoveryBoundMs(profile: ProfileName): number {
  return 2100 + 4 * PROFILES[profile].electionTimeoutMs;
}

const PROFILE_WEIGHTS: readonly ProfileName[] = [
  ...(['default', 'default', 'default', 'default'] as const),
  ...(['fast', 'slow', 'slow'] as const),
];

const KIND_WEIGHTS: readonly Exclude<FaultKind, 'twin'>[] = [
  ...(['loss', 'duplication', 'reordering', 'delay', 'delay'] as const),
  ...(['partition', 'partition', 'isolation', 'isolation', 'isolation'] as const),
  ...(['pause', 'pause', 'hesitation', 'hesitation', 'suspension'] as const),
  ...(['crash', 'crash', 'crash', 'crash', 'power-cut', 'ineligibility'] as const),
  ...(['handoff', 'handoff', 'handoff', 'list-edit', 'list-change'] as const),
  ...(['profile-change', 'replay'] as const),
];

function stories(random: Random, nodes: number, profile: ProfileName): Fault[] {
  const which = random.next();
  const faults: Fault[] = [];
  if (which < 0.06) faults.push(...recordedStory(random, profile));
  else if (which < 0.09) faults.push(...forgottenTermStory(random, nodes));
  else if (which < 0.12) faults.push(...longPromiseStory(random, nodes, profile));
  const wanted = random.whole(3, 8);
  while (faults.length < wanted) faults.push(makeFault(random, nodes, profile));
  return faults;
}

function makeFault(random: Random, nodes: number, profile: ProfileName): Fault {
  const timeout = PROFILES[profile].electionTimeoutMs;
  const at = random.between(FAULTS_FROM, FAULTS_UNTIL);
  const longest = Math.min(LONGEST_FAULT_MS, FAULTS_UNTIL + 2000 - at);
  // Mostly about as long as the timers that it races with.
  const usual = Math.min(longest, random.between(10, 3 * timeout));
  const span = { at, until: at + (random.chance(0.7) ? usual : random.between(10, longest)) };
  const victim: Victim = random.chance(0.6) ? 'leader' : random.whole(0, nodes - 1);
  const body = makeBody(random, nodes, timeout, victim);
  const edited = body.kind === 'list-edit' || body.kind === 'profile-change';
  return { ...span, ...(edited ? { until: at + longest } : {}), ...body };
}

function makeBody(random: Random, nodes: number, timeout: number, victim: Victim): FaultBody {
  const kind = random.pick(KIND_WEIGHTS);
  const way = random.pick(['both', 'both', 'in', 'out'] as const);
  switch (kind) {
    case 'loss': {
      const whose = random.chance(0.5) ? 'all' : victim;
      return { kind, victim: whose, probability: random.between(0.05, 0.7) };
    }
    case 'duplication':
      return {
        kind,
        probability: random.between(0.1, 0.6),
        lateMs: random.between(1, 2 * timeout),
      };
    case 'reordering':
      return { kind, jitterMs: random.between(1, timeout) };
    case 'delay':
      return { kind, victim, delayMs: random.between(5, 1.2 * timeout), way };
    case 'partition':
      return { kind, side: random.whole(1, 2 ** nodes - 2), way };
    case 'isolation':
      return { kind, victim, way };
    case 'pause':
    case 'suspension':
    case 'ineligibility':
      return { kind, victim };
    case 'hesitation': {
      const pauseMs = random.between(5, 2 * timeout);
      return { kind, victim, probability: random.between(0.02, 0.3), pauseMs };
    }
    case 'crash':
      return { kind, victim, guardSurvives: random.chance(0.6), file: fate(random) };
    case 'power-cut':
      return { kind, file: fate(random) };
    case 'handoff': {
      const target = random.chance(0.5) ? random.whole(0, nodes - 1) : undefined;
      return { kind, target, lateMs: random.chance(0.6) ? random.between(1, 3 * timeout) : 0 };
    }
    case 'list-edit': {
      const change = random.pick(['add', 'remove', 'replace'] as const);
      return { kind, victims: someOf(random, nodes), change };
    }
    case 'list-change':
      return { kind, change: random.pick(['add', 'remove'] as const) };
    case 'profile-change': {
      const name = random.pick(['default', 'fast', 'slow'] as const);
      return { kind, victims: someOf(random, nodes), profile: name };
    }
    case 'replay':
      return { kind, victim, everyMs: random.between(1, 10) };
  }
}

function fate(random: Random): FileFate {
  return random.pick(['kept', 'kept', 'stale', 'lost']);
}

function someOf(random: Random, nodes: number): readonly number[] {
  const places = Array.from({ length: nodes }, (_, place) => place);
  const wanted = random.whole(1, nodes - 1);
  return places.toSorted(() => random.next() - 0.5).slice(0, wanted);
}

/**
 * A session is recorded; every node starts anew without its file, so that terms and sequences come
 * again; and the leader that is cut off then hears the recording.
 */
function recordedStory(random: Random, profile: ProfileName): Fault[] {
  const timeout = PROFILES[profile].electionTimeoutMs;
  const at = random.between(6000, 8000);
  const cut = at + 2500 + 4 * timeout + random.between(0, timeout);
  const until = cut + 4 * timeout;
  const way = random.pick(['both', 'in', 'out'] as const);
  return [
    { kind: 'power-cut', at, until: at + 100, file: 'lost' },
    { kind: 'replay', at: cut - 1, until, victim: 'leader', everyMs: random.between(0.2, 2) },
    { kind: 'isolation', at: cut, until, victim: 'leader', way },
  ];
}

/** A node that was cut off remembers a term that all others have lost with their files. */
function forgottenTermStory(random: Random, nodes: number): Fault[] {
  const back = random.between(7000, 9000);
  const cutOff = random.whole(0, nodes - 1);
  const faults: Fault[] = [
    { kind: 'isolation', at: 4500, until: back, victim: cutOff, way: 'both' },
  ];
  for (const at of [2600, 3200, 3800]) {
    faults.push({ kind: 'handoff', at, until: at + 1, target: undefined, lateMs: 0 });
  }
  for (let victim = 0; victim < nodes; victim += 1) {
    const crash = { kind: 'crash', guardSurvives: true, file: 'lost' } as const;
    if (victim !== cutOff) faults.push({ ...crash, at: 4600, until: 4650, victim });
  }
  return faults;
}

/**
 * In a group that changes to shorter promises, a node that gives long ones still is to lead; those
 * that might have promised it too much restart, and it is cut off.
 */
function longPromiseStory(random: Random, nodes: number, profile: ProfileName): Fault[] {
  const last = random.whole(0, nodes - 1);
  const others = Array.from({ length: nodes }, (_, place) => place).filter((one) => one !== last);
  const shorter = profile === 'slow' ? 'default' : 'fast';
  const cut = random.between(9000, 9500);
  return [
    { kind: 'profile-change', at: 3000, until: 16_000, victims: others, profile: shorter },
    { kind: 'handoff', at: 8000, until: 8001, target: last, lateMs: 0 },
    { kind: 'isolation', at: cut, until: cut + 3000, victim: last, way: 'both' },
    ...others.map(
      (victim): Fault => ({
        kind: 'crash',
        at: cut + 1,
        until: cut + 1 + random.between(5, 50),
        victim,
        guardSurvives: true,
        file: 'kept',
      }),
    ),
  ];
}

/**
 * Two processes with one id. No protocol keeps two rights apart when each is half of a majority of
 * its own: so the other voters are well for as long as both live. What is claimed is that they let
 * only one of the two in.
 */
function twinStory(random: Random, nodes: number): Fault[] {
  const victim = random.whole(0, nodes - 1);
  const at = random.between(6000, 7000);
  const until = at + random.between(4000, 9000);
  const place = random.pick(['either', 'either', 'twin', 'first', 'elsewhere'] as const);
  const faults: Fault[] = [
    { kind: 'handoff', at: 3000, until: 3001, target: victim, lateMs: 0 },
    { kind: 'twin', at, until, victim, place, file: fate(random) },
  ];
  for (let count = random.whole(1, 3); count > 0; count -= 1) {
    const from = random.between(at, until - 1500);
    const span = { at: from, until: from + random.between(20, 1500) };
    const crash = { kind: 'crash', victim, guardSurvives: true, file: 'kept' } as const;
    faults.push({ ...span, ...(random.chance(0.5) ? { kind: 'pause', victim } : crash) });
  }
  return faults;
}
