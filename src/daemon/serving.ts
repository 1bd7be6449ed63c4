import type { Config } from '../config/config.ts';
import type { IpAddress } from '../core/address/ip.ts';
import { desired } from '../core/plan/desired.ts';
import { decisiveProblems } from '../core/plan/eligibility.ts';
import { refreshPeriodMs } from '../core/plan/lifetime.ts';
import { addressKey, type LinkAddress } from '../core/plan/state.ts';
import { isUnplaced, type VipProblem } from '../core/plan/world.ts';
import type { Instant } from '../core/time.ts';
import type { Log } from '../telemetry/log.ts';
import type { Backends } from './backends.ts';
import type { Clock } from './clock.ts';
import type { Conflicts } from './conflicts.ts';
import type { Eligibility } from './eligibility.ts';
import type { Observation } from './local-dataplane.ts';
import type { Round } from './reconciler.ts';
import type { HeldRight } from './right.ts';
import { worldOf } from './world.ts';

/** What a round is decided from, besides the observation. */
export interface ServingPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly right: HeldRight;
  readonly eligibility: Eligibility;
  readonly conflicts: Conflicts;
  readonly backends: Pick<Backends, 'weighed'>;
  /** Whether another node of ours is known to have held the right before. */
  readonly followsAnother: () => boolean;
  readonly config: () => Config;
  readonly guardRuns: () => boolean;
  /** This machine has a gate. */
  readonly gated: boolean;
  /** Whether the gate could not be armed or opened in the last round. */
  readonly gateRefused: () => boolean;
  /** Whether the kernel refused to bind a VIP in the last round. */
  readonly vipRefused: () => boolean;
}

/**
 * Turns each observation into a round: gathers the world, asks `desired`, and keeps what the round
 * showed for the election (can this node serve?) and for status.
 */
export class Serving {
  readonly #ports: ServingPorts;
  #observation: Observation | undefined;
  #problems: readonly VipProblem[] = [];
  #foreign = new Set<string>();
  readonly #placedBefore = new Set<IpAddress>();
  #refreshedAt: Instant = Number.NEGATIVE_INFINITY;
  #leaving = false;

  constructor(ports: ServingPorts) {
    this.#ports = ports;
  }

  get observation(): Observation | undefined {
    return this.#observation;
  }

  get problems(): readonly VipProblem[] {
    return this.#problems;
  }

  /** From now on nothing is desired. */
  leave(): void {
    this.#leaving = true;
  }

  mayServe(): boolean {
    return !this.#leaving && this.#ports.right.mayServe();
  }

  round(observation: Observation): Round {
    const { clock, eligibility, conflicts, backends, followsAnother, gated } = this.#ports;
    const config = this.#ports.config();
    const serving = this.mayServe();
    conflicts.prepare(config.vips, { serving, followsAnother: followsAnother() });
    const { withheld } = conflicts;
    const leaving = this.#leaving;
    const conditions = { right: serving, withheld, gated, leaving };
    const wanted = desired(worldOf(config, observation, conditions, backends));
    const { state, problems } = wanted;
    conflicts.see(wanted, observation.links);
    const refused = config.foreignAddress === 'refuse';
    const { foreign, untouchable } = observation.ownership;
    const blocking = refused ? [...foreign, ...untouchable] : untouchable;
    this.#observation = observation;
    this.#problems = problems;
    this.#noteForeign([...foreign, ...untouchable], blocking);
    this.#notePlaces(config, problems);
    eligibility.see({
      problems: decisiveProblems(problems, config.vips.length, this.#placedBefore),
      foreign: blocking.map((item) => item.address),
      guarded: this.#ports.guardRuns(),
      gateRefused: this.#ports.gateRefused(),
      holding: serving,
      refused: serving && this.#ports.vipRefused(),
    });
    const guarded = without(state.guarded, blocking);
    const armed = without(state.armed, blocking);
    return {
      observed: {
        ...observation.state,
        ...(refused ? { foreign: [] } : {}),
        ...(this.#ports.right.lapsed ? { guarded } : {}),
      },
      desired: { ...state, guarded, armed },
      serving,
      refresh: this.#due(state.addresses, observation.ownership.ours, clock.now()),
    };
  }

  #notePlaces(config: Config, problems: readonly VipProblem[]): void {
    const unplaced = new Set(problems.filter(isUnplaced).map(({ vip }) => vip));
    for (const { address } of config.vips) {
      if (!unplaced.has(address)) this.#placedBefore.add(address);
    }
  }

  /** The held addresses, when their lifetimes are due for a refresh. */
  #due(
    wanted: readonly LinkAddress[],
    bound: readonly LinkAddress[],
    now: Instant,
  ): readonly LinkAddress[] {
    // A timer may come a little early by this clock; a refresh that is skipped for a millisecond
    // would come a whole period late.
    if (now < this.#refreshedAt + refreshPeriodMs(wanted.length) - 10) return [];
    const keys = new Set(wanted.map(addressKey));
    const held = bound.filter((item) => keys.has(addressKey(item)));
    if (held.length > 0) this.#refreshedAt = now;
    return held;
  }

  /** Says it once of each VIP that something else binds here. */
  #noteForeign(found: readonly LinkAddress[], blocking: readonly LinkAddress[]): void {
    const kept = new Set(blocking.map(addressKey));
    for (const item of found) {
      const key = addressKey(item);
      if (this.#foreign.has(key)) continue;
      const fields = { vip: item.address, link: item.link };
      if (kept.has(key)) {
        this.#ports.log.error(
          { ...fields, hint: 'Remove the address, or whatever configures it' },
          'VIP is bound here by something else; this node does not serve until it is gone',
        );
      } else {
        this.#ports.log.warn(fields, 'VIP was bound here by something else; it is removed');
      }
    }
    this.#foreign = new Set(found.map(addressKey));
  }
}

/** Guard and gate must never take away what this node itself may not. */
function without(
  addresses: readonly LinkAddress[],
  others: readonly LinkAddress[],
): readonly LinkAddress[] {
  const vips = new Set(others.map((item) => item.address));
  return addresses.filter((item) => !vips.has(item.address));
}
