import { listFingerprint } from '../../src/core/election/raft/fingerprint.ts';
import type { SavedVote } from '../../src/core/election/raft/state.ts';
import { Agenda } from './agenda.ts';
import { Machine } from './machine.ts';
import { type Datagram, Network } from './network.ts';
import { Random } from './random.ts';
import { count, nameOf, Referee } from './referee.ts';
import {
  type FileFate,
  PROFILES,
  type ProfileName,
  type Scenario,
  type TwinPlace,
} from './scenario.ts';
import { Voter, type World } from './voter.ts';

/** What a state directory holds (src/raft/state-file.ts). */
interface StateFile {
  readonly saved: SavedVote;
  readonly electionTimeoutMs: number;
  readonly voters: readonly string[];
}

/** `UNKNOWN_ELECTION_TIMEOUT_MS` of src/raft/state-file.ts. */
const UNKNOWN_ELECTION_TIMEOUT_MS = 2000;

/**
 * A node as its operator sees it: a machine, a file, a configuration; and the process, if one runs.
 */
export interface Site {
  readonly place: number;
  readonly id: string;
  readonly machine: Machine;
  voters: readonly string[];
  profile: ProfileName;
  file: StateFile | undefined;
  /** What it was before it was last written. */
  staleFile: StateFile | undefined;
  voter: Voter | undefined;
  /** How many faults keep it down, or without a carrier. */
  down: number;
  obstacles: number;
  /** Its list is being edited: its operator keeps the file. */
  edited: boolean;
  twin: boolean;
}

const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'] as const;
const EVERY_MS = 0.5;

/**
 * Machines, processes and the network between them, and what an operator or an accident does to
 * them.
 */
export class Cluster {
  readonly agenda: Agenda = new Agenda();
  readonly random: Random;
  readonly network: Network;
  readonly referee: Referee;
  readonly sites: Site[] = [];
  readonly scenario: Scenario;
  /** Every process that runs or may still be serving. */
  readonly #voters: Voter[] = [];
  readonly #addresses = new Map<string, number>();
  readonly #world: World;
  /** An operator is at it: one change of lists at a time. */
  listChanging = false;
  twinPlace: TwinPlace = 'first';
  twinSite: Site | undefined;

  constructor(scenario: Scenario, traced: boolean) {
    this.scenario = scenario;
    this.random = new Random(scenario.seed ^ 0x5eed);
    this.referee = new Referee(this.agenda, this.#voters, traced);
    this.network = new Network({
      agenda: this.agenda,
      random: this.random,
      baseLoss: scenario.loss,
      resolve: (address) => this.#resolve(address),
      deliver: (place, datagram) => this.#deliver(place, datagram),
    });
    this.#world = this.#makeWorld();
    const voters = IDS.slice(0, scenario.nodes);
    for (let place = 0; place < scenario.nodes; place += 1) this.addSite(IDS[place] ?? '', voters);
  }

  addSite(id: string, voters: readonly string[], model?: Site): Site {
    const place = this.sites.length;
    const clock = { rate: 1 + 0.02 * this.random.next(), offset: this.random.between(0, 1e6) };
    // The extremes are where the bounds are.
    if (this.random.chance(0.5)) clock.rate = this.random.pick([1, 1.02]);
    const site: Site = {
      place,
      id,
      machine: new Machine(place, model?.place ?? place, this.agenda, clock),
      voters,
      profile: model?.profile ?? this.scenario.profile,
      file: undefined,
      staleFile: undefined,
      voter: undefined,
      down: 0,
      obstacles: 0,
      edited: false,
      twin: model !== undefined,
    };
    this.sites.push(site);
    if (model === undefined) this.#addresses.set(id, place);
    return site;
  }

  /** Starts the site's process, unless its file remembers another list (fencing.md A5). */
  start(site: Site): void {
    const { file, machine } = site;
    if (site.down > 0 || site.voter?.alive === true || !site.voters.includes(site.id)) return;
    if (file !== undefined && file.voters.join() !== site.voters.join()) {
      count(this.referee.tally, 'listsRefused');
      this.referee.tell(`${site.id} refuses to start with ${site.voters.join('')}`);
      return;
    }
    const profile = PROFILES[site.profile];
    const abstainMs = Math.max(
      profile.electionTimeoutMs,
      file?.electionTimeoutMs ?? UNKNOWN_ELECTION_TIMEOUT_MS,
    );
    const saved = file?.saved ?? { term: 0, vote: null };
    site.file = { saved, electionTimeoutMs: abstainMs, voters: site.voters };
    const voter = new Voter(this.#world, machine, {
      marginMs: profile.marginMs,
      saved,
      config: {
        self: site.id,
        voters: site.voters,
        list: listFingerprint('sim', site.voters),
        instance: this.random.bits64(),
        heartbeatMs: profile.heartbeatMs,
        electionTimeoutMs: profile.electionTimeoutMs,
        abstainMs,
        priority: site.place === 1 ? 100 : 0,
        voterOnly: site.place === this.scenario.voterOnly,
        startAsLeader: site.place === this.scenario.startAsLeader,
      },
    });
    this.#forgetTheDead();
    site.voter = voter;
    this.#voters.push(voter);
    this.referee.tell(`${nameOf(voter)} starts, from term ${saved.term}`);
    voter.start();
    this.agenda.after(EVERY_MS * this.random.next(), () => this.judge(site));
  }

  /** Tells the site's process whether it could serve. */
  judge(site: Site): void {
    const obstacle = site.obstacles > 0 ? 'no-carrier' : undefined;
    site.voter?.order({ kind: 'eligibility', obstacle });
  }

  stop(site: Site, how: { guardSurvives: boolean; file: FileFate }): void {
    const { voter } = site;
    if (voter?.alive === true) {
      this.referee.tell(`${nameOf(voter)} ${how.guardSurvives ? 'is killed' : 'loses power'}`);
      const { promise } = voter.state;
      if (promise !== undefined && promise.until > site.machine.now()) {
        count(this.referee.tally, 'restartsInPromise');
      }
      if (how.guardSurvives) voter.kill();
      else voter.cutPower();
    }
    if (how.file === 'stale') site.file = site.staleFile ?? site.file;
    if (how.file === 'lost' && !site.edited) {
      site.file = undefined;
      site.staleFile = undefined;
      count(this.referee.tally, 'lostFiles');
    }
  }

  /** Who leads, in the newest term if several believe so. */
  leaderSite(): Site | undefined {
    let newest: Site | undefined;
    for (const site of this.sites) {
      if (site.voter?.alive !== true || site.voter.state.role !== 'leader') continue;
      const term = newest?.voter?.state.term ?? -1;
      if (site.voter.state.term > term) newest = site;
    }
    return newest;
  }

  #forgetTheDead(): void {
    const left = this.#voters.filter((voter) => voter.alive || voter.fence.bound);
    this.#voters.splice(0, this.#voters.length, ...left);
  }

  #makeWorld(): World {
    const { agenda, random, referee } = this;
    return {
      agenda,
      random,
      send: (place, datagram) => this.network.send(place, datagram),
      addressOf: (id) => this.#addresses.get(id) ?? -1,
      save: (voter, saved) => this.#save(voter, saved),
      abstentionEnded: (voter) => this.#rememberTimeout(voter),
      stepped: (voter, event, effects) => referee.stepped(voter, event, effects),
      beganServing: (voter) => referee.beganServing(voter),
      stoppedServing: (voter) => referee.tell(`${nameOf(voter)} serves no more`),
      fired: (voter) => {
        count(referee.tally, 'guardFired');
        referee.tell(`${nameOf(voter)}: its guard has withdrawn`);
      },
      refused: (_, reason) => {
        if (reason === 'another-instance') count(referee.tally, 'twinsRefused');
      },
    };
  }

  #siteOfVoter(voter: Voter): Site | undefined {
    return this.sites.find((site) => site.voter === voter);
  }

  #save(voter: Voter, saved: SavedVote): void {
    const site = this.#siteOfVoter(voter);
    if (site?.file === undefined) return;
    site.staleFile = site.file;
    site.file = { ...site.file, saved };
  }

  #rememberTimeout(voter: Voter): void {
    const site = this.#siteOfVoter(voter);
    if (site?.file === undefined) return;
    const { electionTimeoutMs } = voter.config;
    site.file = { ...site.file, electionTimeoutMs };
    site.staleFile = site.file;
  }

  #resolve(address: number): number {
    const { twinSite } = this;
    if (twinSite === undefined || twinSite.machine.address !== address) return address;
    const toTwin =
      this.twinPlace === 'twin' ||
      this.twinPlace === 'elsewhere' ||
      (this.twinPlace === 'either' && this.random.chance(0.5));
    return toTwin ? twinSite.place : address;
  }

  #deliver(place: number, datagram: Datagram): void {
    const site = this.sites[place];
    if (site === undefined || site.machine.suspended) return;
    site.voter?.receive(datagram);
  }
}
