import type { Config } from '../config/config.ts';
import { OperationalError } from '../core/errors.ts';
import type { IneligibleReason } from '../core/plan/eligibility.ts';
import { lifetimeSeconds } from '../core/plan/lifetime.ts';
import type { Announcement, DataplaneState, LinkAddress } from '../core/plan/state.ts';
import type { Status } from '../core/status/status.ts';
import type { Instant } from '../core/time.ts';
import type { Log } from '../telemetry/log.ts';
import { Announcer } from './announcer.ts';
import { Backends, type BackendsPorts } from './backends.ts';
import { BoundedGate } from './bounded-gate.ts';
import type { Clock } from './clock.ts';
import { Conflicts, type HeardClaim } from './conflicts.ts';
import { type ControlSocket, startControlSocket } from './control-socket.ts';
import type { Elector } from './elector.ts';
import { Eligibility } from './eligibility.ts';
import {
  type ForwarderPort,
  type GatePort,
  type GuardPort,
  type KernelPort,
  LocalDataplane,
  type Observation,
  type OwnedPort,
  servesNothing,
} from './local-dataplane.ts';
import { Reconciler } from './reconciler.ts';
import { needsRestart } from './reload.ts';
import { HeldRight } from './right.ts';
import { Serving } from './serving.ts';
import { endsWithin } from './shutdown.ts';
import { type GateReport, type ListenerCounters, statusOf } from './status.ts';
import type { Fence } from './test-fences.ts';

/** A configuration, and what a person should know of it. */
export interface LoadedConfig {
  readonly config: Config;
  readonly warnings: readonly string[];
}

/** How a daemon is started. */
export interface DaemonOptions extends LoadedConfig {
  readonly version: string;
  readonly log: Log;
  /**
   * Reads file, environment and flags again.
   *
   * @throws {OperationalError} when the result is no valid configuration.
   */
  readonly reload: () => Promise<LoadedConfig>;
  /** Empty but in a build for tests. */
  readonly without: ReadonlySet<Fence>;
}

/** What the composition root opens for the daemon, and ends after it. */
export interface Parts {
  readonly clock: Clock;
  readonly kernel: KernelPort & {
    watch(listener: () => void): void;
    announce(batch: readonly Announcement[], notAfter: Instant): Promise<void>;
    probe(batch: readonly Announcement[], notAfter: Instant): Promise<void>;
    /** @throws {OperationalError} when this process may not listen. */
    watchClaims(
      listener: (report: { readonly claims: readonly HeardClaim[]; readonly lost: number }) => void,
    ): Promise<void>;
    setWatched(addresses: readonly LinkAddress[], own: readonly { readonly mac: string }[]): void;
  };
  /** Undefined, with `gateProblem`, where this machine has none. */
  readonly gate: (GatePort & GateReport) | undefined;
  readonly gateProblem: string | undefined;
  readonly guard: GuardPort & {
    readonly running: boolean;
    readonly mode: 'child' | 'parent';
    storeDeadline(deadline: Instant): boolean;
  };
  readonly forwarder: ForwarderPort & { counters(): readonly ListenerCounters[] };
  readonly owned: OwnedPort;
  readonly openHealth: BackendsPorts['openHealth'];
  makeElector(right: HeldRight): Elector;
  /** @throws {OperationalError} when the key file is no good; the keys stay as they are then. */
  reloadKeys(config: Config): void;
  /** What the state file has to say that a person should know. */
  storageProblem(): string | undefined;
  /** @param withdrawn see `RunningDaemon.leave`. */
  close(withdrawn: boolean): Promise<void>;
}

const GATE_ACTIONS = ['arm-gate', 'open-gate'];
const SWEEP_LIMIT_MS = 10_000;
const LEAVE_LIMIT_MS = 5000;
const WITHDRAW_LIMIT_MS = 10_000;
/** How often the lifetimes are looked at; what is due then is refreshed. */
const REFRESH_MS = 1000;
const REOPENED_TOLD_MS = 10_000;

/**
 * The daemon at work: what it wires together, in the order in which it is made, and how it begins,
 * changes and ends.
 */
export class RunningDaemon {
  readonly #options: DaemonOptions;
  readonly #log: Log;
  readonly #parts: Parts;
  readonly #announcer: Announcer;
  readonly #right: HeldRight;
  readonly #eligibility: Eligibility;
  readonly #conflicts: Conflicts;
  readonly #backends: Backends;
  readonly #serving: Serving;
  readonly #reconciler: Reconciler<Observation>;
  readonly #elector: Elector;
  #loaded: LoadedConfig;
  #control: ControlSocket | undefined;
  #refresh: NodeJS.Timeout | undefined;
  #staleConfig: string | undefined;
  #gateRebuilt = 0;
  #reopened = { times: 0, toldAt: Number.NEGATIVE_INFINITY };

  constructor(options: DaemonOptions, parts: Parts) {
    const log = options.log.child({ component: 'reconciler' });
    const { clock, guard, kernel } = parts;
    this.#options = options;
    this.#log = options.log.child({ component: 'daemon' });
    this.#loaded = options;
    this.#parts = parts;
    this.#right = new HeldRight(options.config.election.marginMs, {
      clock,
      storeDeadline: (deadline) => guard.storeDeadline(deadline),
      fired: () => this.#elector.resign(),
      begun: () => this.#reconciler.wakeWithRight(),
      changed: () => this.#reconciler.wake(),
      withdrawn: () => this.#withdrawn(),
    });
    this.#announcer = this.#makeAnnouncer();
    this.#eligibility = new Eligibility({
      clock,
      linkDownGraceMs: () => this.#config.linkDownGraceMs,
      changed: (reason) => this.#noteEligibility(reason),
    });
    this.#conflicts = new Conflicts({
      clock,
      log: options.log.child({ component: 'conflicts' }),
      policy: () => this.#config.conflict,
      watch: (addresses, own) => kernel.setWatched(addresses, own),
      probe: (batch) => kernel.probe(batch, this.#right.deadline),
      defend: (vips) => this.#announcer.repeat(vips),
      changed: () => this.#reconciler.wake(),
    });
    this.#backends = new Backends({
      openHealth: parts.openHealth,
      log: options.log.child({ component: 'health' }),
      changed: () => this.#reconciler.wake(),
    });
    this.#serving = new Serving({
      clock,
      log,
      right: this.#right,
      eligibility: this.#eligibility,
      conflicts: this.#conflicts,
      backends: this.#backends,
      followsAnother: () => this.#elector.followsAnother(),
      config: () => this.#config,
      guardRuns: () => guard.running,
      gated: parts.gate !== undefined,
      gateRefused: () => GATE_ACTIONS.some((kind) => this.#reconciler.failures.has(kind)),
      vipRefused: () => this.#config.vips.some((vip) => this.#reconciler.failures.has(vip.address)),
    });
    this.#reconciler = this.#makeReconciler(log);
    this.#elector = parts.makeElector(this.#right);
  }

  #makeAnnouncer(): Announcer {
    const log = this.#options.log.child({ component: 'announcer' });
    const { clock, kernel } = this.#parts;
    return new Announcer({
      clock,
      deadline: () => this.#right.deadline,
      intervalMs: () => this.#config.announceIntervalMs,
      send: (batch, notAfter) => kernel.announce(batch, notAfter),
      announced: (_announcement, at) => this.#elector.announced(at),
      failed: (err) => log.warn({ err }, 'announcement failed'),
    });
  }

  #makeReconciler(log: Log): Reconciler<Observation> {
    const parts = this.#parts;
    return new Reconciler({
      dataplane: new LocalDataplane({
        ...parts,
        gate: parts.gate && new BoundedGate(parts.gate),
        announcer: this.#announcer,
        right: this.#right,
        configured: () => new Set(this.#config.vips.map((vip) => vip.address)),
      }),
      log,
      round: (observation) => this.#serving.round(observation),
      mayServe: () => this.#serving.mayServe(),
    });
  }

  get #config(): Config {
    return this.#loaded.config;
  }

  /** Sweeps, then takes part. To be followed by `leave`, also when it throws. */
  async begin(): Promise<void> {
    const { config } = this.#options;
    const log = this.#log;
    for (const warning of this.#loaded.warnings) log.warn({ warning }, 'configuration warning');
    this.#parts.kernel.watch(() => this.#reconciler.wake());
    await this.#listen();
    const checked = await this.#backends.read(config);
    await this.#sweep();
    this.#backends.follow(checked);
    this.#elector.start();
    this.#refresh = setInterval(() => this.#reconciler.wake(), REFRESH_MS);
    this.#control = await startControlSocket({
      path: config.controlSocket,
      status: () => this.#status(),
      handoff: (to) => this.#elector.handoff(to),
      onError: (err) => log.error({ err }, 'control request failed'),
    });
    log.info({ election: config.election, vips: config.vips.length }, 'started');
  }

  /** Serving goes on without: a conflict is then not seen, and status says so. */
  async #listen(): Promise<void> {
    try {
      await this.#parts.kernel.watchClaims(({ claims, lost }) => {
        this.#conflicts.heard(claims, lost);
      });
      this.#conflicts.listening();
    } catch (err) {
      this.#log.warn({ err }, 'claims of other machines are not heard');
    }
  }

  /** What an earlier process of this instance left behind goes before the first election. */
  async #sweep(): Promise<void> {
    const swept = this.#reconciler.reached(servesNothing);
    if (await endsWithin(swept, SWEEP_LIMIT_MS)) return;
    throw new OperationalError('Cannot remove the addresses that an earlier process left behind', {
      code: 'sweep-failed',
      hint: [...this.#reconciler.failures.values()].join('; '),
    });
  }

  /** Takes over another configuration whole, or leaves everything as it is and says why. */
  async reload(): Promise<void> {
    const log = this.#log;
    try {
      const loaded = await this.#options.reload();
      const fixed = needsRestart(this.#config, loaded.config);
      if (fixed.length > 0) {
        throw new OperationalError(`Cannot change ${fixed.join(', ')} of a running daemon`, {
          code: 'needs-restart',
          hint: 'Restart the daemon, or take the change back',
        });
      }
      // What may fail comes first: a reload is taken over whole or not at all.
      const checked = await this.#backends.read(loaded.config);
      this.#parts.owned.add(loaded.config.vips.map((vip) => vip.address));
      this.#parts.reloadKeys(loaded.config);
      this.#loaded = loaded;
      this.#backends.follow(checked);
      this.#staleConfig = undefined;
      this.#options.log.level = loaded.config.logLevel;
      log.info({ warnings: loaded.warnings }, 'configuration reloaded');
      this.#reconciler.wake();
    } catch (err) {
      this.#staleConfig = `The last reload was refused: ${err instanceof Error ? err.message : String(err)}`;
      log.error({ err }, 'reload refused; the last good configuration goes on');
    }
  }

  /**
   * Leaves in order: withdraws, lets another take over, ends. Bounded; never throws.
   *
   * @returns whether the kernel confirmed that nothing is served here. If not, the guard must find
   *   this process dead, not dismissed by it: it completes what is left.
   */
  async leave(): Promise<boolean> {
    const log = this.#log;
    clearInterval(this.#refresh);
    this.#eligibility.stop();
    const withdrawn = await this.#withdraw();
    if (!withdrawn) log.error('withdrawal is not confirmed; the guard completes it');
    this.#reconciler.stop();
    this.#announcer.close();
    this.#conflicts.stop();
    await this.#backends.close();
    return withdrawn;
  }

  /**
   * Resolves when nothing is served here any more, by connections neither. The guard, a lifetime
   * or a person may have deleted the addresses first; what was accepted on them then still lives,
   * and an IPv6 socket goes on to send in the VIP's name.
   *
   * @throws {OperationalError} when it cannot be confirmed. Nobody catches that: the node would
   *   stay mute for ever, while the end of the process lets the guard try, and a new one sweep.
   */
  async #withdrawn(): Promise<void> {
    const confirmed = this.#reconciler.reached(servesNothing);
    if (!(await endsWithin(confirmed, WITHDRAW_LIMIT_MS))) {
      throw new OperationalError('Cannot withdraw the VIPs: the kernel does not confirm it', {
        code: 'withdrawal-stuck',
        hint: [...this.#reconciler.failures.values()].join('; '),
      });
    }
    const { forwarder, owned } = this.#parts;
    const vips = [...owned.addresses].map((address) => ({ address }));
    // Only a forwarder that is closing refuses, and that resets them itself.
    await forwarder.resetConnections(vips).catch(() => undefined);
  }

  async #withdraw(): Promise<boolean> {
    try {
      await this.#control?.close();
      if (!(await endsWithin(this.#elector.leave(), LEAVE_LIMIT_MS))) return false;
      this.#serving.leave();
      return await endsWithin(this.#reconciler.reached(isIdle), LEAVE_LIMIT_MS);
    } catch (err) {
      this.#log.error({ err }, 'leaving failed');
      return false;
    }
  }

  #status(): Status {
    const { observation, problems } = this.#serving;
    const held = observation?.ownership.ours ?? [];
    const warnings = [...this.#loaded.warnings];
    const storage = this.#parts.storageProblem();
    for (const problem of [this.#staleConfig, storage]) {
      if (problem !== undefined) warnings.push(problem);
    }
    return statusOf({
      version: this.#options.version,
      config: this.#config,
      guard: this.#parts.guard.running ? this.#parts.guard.mode : undefined,
      gate: this.#parts.gate,
      gateProblem: this.#parts.gateProblem,
      lifetimeSeconds: held.length === 0 ? 0 : lifetimeSeconds(held.length, this.#right.leftMs()),
      elector: this.#elector,
      announcer: this.#announcer,
      conflicts: this.#conflicts,
      backends: this.#backends,
      observation,
      problems,
      failures: this.#reconciler.failures,
      counters: this.#parts.forwarder.counters(),
      warnings,
    });
  }

  /** The guard withdrew on its own: the right that it guarded is over. */
  guardFired(): void {
    this.#elector.resign();
    this.#reconciler.wake();
  }

  /** The guard is gone, or back. */
  guardChanged(): void {
    this.#reconciler.wake();
  }

  /** The gate closed, or was removed by somebody else; the next round has it as it should be. */
  gateChanged(): void {
    const rebuilt = this.#parts.gate?.rebuilt ?? 0;
    if (rebuilt > this.#gateRebuilt) {
      this.#log.warn(
        { rebuilt, hint: 'Have whatever removes nftables rules leave the tables of fairlead' },
        'gate was removed by another program, and made again',
      );
    }
    this.#gateRebuilt = rebuilt;
    this.#noteReopened(this.#parts.gate?.reopened ?? 0);
    this.#reconciler.wake();
  }

  /** What a busy machine does all the time is said now and then. */
  #noteReopened(reopened: number): void {
    const now = this.#parts.clock.now();
    if (reopened === this.#reopened.times || now < this.#reopened.toldAt + REOPENED_TOLD_MS) return;
    this.#log.warn(
      {
        reopened,
        hint: 'Give the daemon CAP_SYS_NICE or LimitNICE=-20, or this machine less to do',
      },
      'gate closed by itself for some milliseconds: the machine had no time to keep it open',
    );
    this.#reopened = { times: reopened, toldAt: now };
  }

  #noteEligibility(reason: IneligibleReason | undefined): void {
    const log = this.#log;
    if (reason === undefined) log.info('this node can serve');
    else log.warn({ reason }, 'this node cannot serve');
    this.#elector.setIneligible(reason);
  }
}

function isIdle(state: DataplaneState): boolean {
  return servesNothing(state) && state.listeners.length === 0 && state.guarded.length === 0;
}
