import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Config, Peer } from '../config/config.ts';
import { listFingerprint } from '../core/election/raft/fingerprint.ts';
import type { RaftConfig } from '../core/election/raft/state.ts';
import { sortAddresses } from '../core/plan/ownership.ts';
import { AbsentGuard, EverlastingKernel } from '../dataplane/absent-fences.ts';
import { loadBinding } from '../dataplane/binding.ts';
import { Forwarder } from '../dataplane/forwarder.ts';
import { type Gate, type GateOptions, openGate } from '../dataplane/gate.ts';
import { type Guard, startGuard } from '../dataplane/guard.ts';
import { Kernel } from '../dataplane/kernel.ts';
import { type Keyring, loadKeyFile, UNAUTHENTICATED } from '../raft/keys.ts';
import { StateFile } from '../raft/state-file.ts';
import { Transport } from '../raft/transport.ts';
import type { Log } from '../telemetry/log.ts';
import type { Health, HealthListener } from './backends.ts';
import { bootClock, type Clock } from './clock.ts';
import type { Elector } from './elector.ts';
import { takeInstanceLock } from './instance-lock.ts';
import { OwnedAddresses } from './owned-addresses.ts';
import { PreparedResignation } from './prepared-resignation.ts';
import { askForPriority } from './priority.ts';
import { type ChannelListener, type PeerChannel, RaftElector } from './raft-elector.ts';
import type { HeldRight } from './right.ts';
import { type DaemonOptions, type Parts, RunningDaemon } from './running.ts';
import { aborted, defuseSignals, endsWithin, HangUps, nextSignal } from './shutdown.ts';
import { SingleElector } from './single-elector.ts';
import type { Fence } from './test-fences.ts';

/** How long a start waits for the process before it to end. */
const PREDECESSOR_PATIENCE_MS = 3000;
const REMOVE_LIMIT_MS = 2000;
/** The gate closes this much sooner than a promise ends: 50 ms, and 16 in the fast profile. */
const GATE_TIMEOUTS_IN_ELECTION = 6;

/**
 * Runs until SIGTERM or SIGINT, then leaves in order. The composition root: here, and only here,
 * the parts that touch the outside are opened and joined; they end in the reverse order.
 *
 * @returns the exit code.
 * @throws {OperationalError} when it cannot start; nothing is left behind.
 */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  defuseSignals(options.log.child({ component: 'daemon' }));
  const stopped = nextSignal(['SIGTERM', 'SIGINT']);
  const hangUps = new HangUps();
  const lock = await takeInstanceLock(options.config.instance, PREDECESSOR_PATIENCE_MS);
  try {
    const withdrawn = await runLocked(options, stopped, hangUps);
    options.log.child({ component: 'daemon' }).info({ withdrawn }, 'stopped');
    return withdrawn ? 0 : 1;
  } finally {
    await lock.release();
  }
}

async function runLocked(
  options: DaemonOptions,
  stopped: Promise<NodeJS.Signals>,
  hangUps: HangUps,
): Promise<boolean> {
  const log = options.log.child({ component: 'daemon' });
  const orphaned = new AbortController();
  let running: RunningDaemon | undefined;
  const parts = await openParts(options, {
    fired: () => running?.guardFired(),
    changed: () => running?.guardChanged(),
    gateChanged: () => running?.gateChanged(),
    orphaned: () => orphaned.abort(),
  });
  const daemon = new RunningDaemon(options, parts);
  running = daemon;
  let withdrawn = false;
  try {
    await daemon.begin();
    // Compiling and parsing needed 1 to 2 MB that nothing here needs again.
    loadBinding().trimHeap();
    hangUps.deliver(() => void daemon.reload());
    const reason = await Promise.race([stopped, aborted(orphaned.signal, 'orphaned')]);
    log.info({ reason }, 'leaving');
  } finally {
    withdrawn = await daemon.leave();
    await parts.close(withdrawn);
  }
  return withdrawn;
}

/** What happens to the fences, told to the daemon. */
interface FenceEvents {
  readonly orphaned: () => void;
  readonly fired: () => void;
  readonly changed: () => void;
  readonly gateChanged: () => void;
}

/** Loaded only where backends are asked: HTTP and TLS of Node take 2 MB. */
async function openHealth(clock: Clock, listener: HealthListener): Promise<Health> {
  const [{ HealthChecker }, { readCaFile }] = await Promise.all([
    import('../health/checker.ts'),
    import('../health/ca-file.ts'),
  ]);
  const checker = new HealthChecker({ clock, random: Math.random, ...listener });
  return { checker, readCaFile };
}

async function openParts(options: DaemonOptions, events: FenceEvents): Promise<Parts> {
  const { config } = options;
  askForPriority(options.log.child({ component: 'daemon' }));
  const binding = loadBinding();
  const clock = bootClock(() => binding.bootTimeMs());
  const owned = new OwnedAddresses(ownedAddressesFile(config));
  owned.add(config.vips.map((vip) => vip.address));
  const guard = await openGuard(options, events);
  const kernel = openKernel(options);
  await sweepBeforeGate(kernel, config, owned);
  const { gate, gateProblem } = await openFence(options, guard, events);
  const forwarder = new Forwarder({ threads: config.threads, busyPollUs: config.busyPollUs });
  return {
    clock,
    kernel,
    guard,
    gate,
    gateProblem,
    forwarder,
    owned,
    openHealth: (listener) => openHealth(clock, listener),
    ...electorParts(options, { clock, guard }),
    async close(withdrawn) {
      forwarder.close();
      kernel.close();
      // Else both stay as they are, for the start that comes after.
      if (!withdrawn) return;
      await guard.setGate(undefined).catch(() => {});
      await removeGate(gate, options.log.child({ component: 'gate' }));
      await guard.close();
    },
  };
}

/**
 * What an earlier process left bound goes before the gate that it left, which stops it: a new gate
 * knows no VIPs yet. What cannot be deleted is said by the sweep that follows.
 */
async function sweepBeforeGate(
  kernel: Kernel,
  config: Config,
  owned: OwnedAddresses,
): Promise<void> {
  const [links, addresses] = await Promise.all([kernel.links(), kernel.addresses()]);
  const configured = new Set(config.vips.map((vip) => vip.address));
  const { ours } = sortAddresses(addresses, links, { configured, owned: owned.addresses });
  await kernel.deleteAddresses(ours);
}

async function openGuard(options: DaemonOptions, events: FenceEvents): Promise<Guard> {
  if (globalThis.FAIRLEAD_TEST_FENCES && options.without.has('guard')) return new AbsentGuard();
  const log = options.log.child({ component: 'guard' });
  return await startGuard({
    onFired: (fired) => {
      log.warn({ ...fired }, 'guard withdrew');
      events.fired();
    },
    onReplaced: (err) => log.warn({ err }, 'guard was replaced'),
    onDegraded: (err, retryInMs) => {
      log.error({ err, retryInMs }, 'guard is gone; another one is started');
      events.changed();
    },
    onRestored: () => {
      log.info('guard runs again');
      events.changed();
    },
    onOrphaned: (err) => {
      log.error({ err }, 'guard is gone, and with it whoever started this daemon');
      events.orphaned();
    },
  });
}

interface FoundGate {
  readonly gate?: Gate;
  /** Why there is none. */
  readonly gateProblem: string | undefined;
}

/** Without it the other fences carry on: slower, where daemon and guard are both stopped. */
async function openFence(
  options: DaemonOptions,
  guard: Guard,
  events: FenceEvents,
): Promise<FoundGate> {
  if (globalThis.FAIRLEAD_TEST_FENCES && options.without.has('gate')) {
    return { gateProblem: 'left out' };
  }
  const { instance, election } = options.config;
  const log = options.log.child({ component: 'gate' });
  try {
    const gate = await openGate({
      table: instance === 'fairlead' ? instance : `fairlead-${instance}`,
      page: guard.page,
      timeoutMs: Math.floor(election.electionTimeoutMs / GATE_TIMEOUTS_IN_ELECTION),
      onChanged: () => events.gateChanged(),
      ...(globalThis.FAIRLEAD_TEST_FENCES && { testing: olderKernel(options.without) }),
    });
    log.info({ shape: gate.shape, owned: gate.owned }, 'gate is there');
    // A guard that cannot close it deletes addresses all the same, and the gate closes by itself.
    await guard.setGate(gate.closeMark).catch((err: unknown) => {
      log.warn({ err }, 'guard cannot close the gate');
    });
    return { gate, gateProblem: undefined };
  } catch (err) {
    log.warn({ err }, 'no gate here; guard and address lifetime fence without it');
    return { gateProblem: err instanceof Error ? err.message : String(err) };
  }
}

/** What the gate is to take this machine's kernel for. */
function olderKernel(without: ReadonlySet<Fence>): NonNullable<GateOptions['testing']> {
  return { inetOnly: without.has('gate-netdev'), ownerless: without.has('gate-owner') };
}

/** Whoever leaves in order leaves nothing; what cannot be removed is closed, and swept later. */
async function removeGate(gate: Gate | undefined, log: Log): Promise<void> {
  if (gate === undefined) return;
  try {
    if (await endsWithin(gate.remove(), REMOVE_LIMIT_MS)) return;
    log.warn('gate is not removed yet; another program keeps nf_tables busy');
  } catch (err) {
    log.warn({ err }, 'gate could not be removed');
  }
}

function openKernel({ without }: DaemonOptions): Kernel {
  if (globalThis.FAIRLEAD_TEST_FENCES && without.has('lifetime')) return new EverlastingKernel();
  return new Kernel();
}

/** Beside the control socket: both belong to the instance, and to one life of the machine. */
function ownedAddressesFile(config: Config): string {
  const { dir, name } = path.parse(config.controlSocket);
  return path.join(dir, `${name}.addresses`);
}

interface ElectorParts {
  readonly makeElector: (right: HeldRight) => Elector;
  readonly reloadKeys: (config: Config) => void;
  readonly storageProblem: () => string | undefined;
}

function electorParts(
  { config, log: root }: DaemonOptions,
  { clock, guard }: { readonly clock: Clock; readonly guard: Guard },
): ElectorParts {
  const { localPeer } = config;
  const log = root.child({ component: 'elector' });
  const peersLog = root.child({ component: 'peers' });
  if (config.election.type === 'none' || localPeer === undefined) {
    const makeElector = (right: HeldRight): Elector =>
      new SingleElector({ node: config.node, right, clock });
    return { makeElector, reloadKeys: () => {}, storageProblem: () => undefined };
  }
  const raft = raftConfigOf(config, localPeer, drawInstance());
  const votes = new StateFile({
    path: path.join(config.dataDir, `${config.instance}.raft`),
    voters: raft.voters,
    electionTimeoutMs: raft.electionTimeoutMs,
  });
  let transport: Transport | undefined;
  const openChannel = (listener: ChannelListener): PeerChannel => {
    const opened = new Transport({
      self: localPeer,
      peers: config.remotePeers,
      clusterId: config.clusterId,
      instance: raft.instance,
      keys: keysOf(config, peersLog),
      liveMs: raft.electionTimeoutMs,
      now: () => clock.now(),
      log: peersLog,
      received: (from, message) => listener.received(from, message),
      renewed: (peer) => {
        resignation.renew();
        listener.renewed(peer);
      },
      twinHeard: (instance) => listener.twinHeard(instance),
    });
    const resignation = new PreparedResignation({
      peers: config.remotePeers.map((peer) => peer.id),
      seal: (peer, message) => opened.sealResignation(peer, message),
      tell: (datagrams) => guard.setResignation(datagrams),
      log,
    });
    transport = opened;
    opened.open();
    return channelOver(opened, resignation);
  };
  return {
    makeElector: (right) =>
      new RaftElector({
        config: { ...raft, abstainMs: votes.abstainMs },
        right,
        clock,
        log,
        votes,
        seed: randomBytes(4).readUInt32LE(),
        openChannel,
      }),
    reloadKeys: (next) => transport?.setKeys(keysOf(next, peersLog)),
    storageProblem: () => votes.problem,
  };
}

function channelOver(transport: Transport, resignation: PreparedResignation): PeerChannel {
  return {
    send: (to, message) => transport.send(to, message),
    prepare: (message) => resignation.prepare(message),
    drain: () => new Promise((resolve) => transport.drain(resolve)),
    peers: () =>
      transport.report().map(({ id, address, port, ...rest }) => ({
        id,
        address: address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
        ...rest,
      })),
    close: () => transport.close(),
  };
}

/** What the election needs to know of the configuration, but for the abstention. */
function raftConfigOf(config: Config, localPeer: Peer, instance: bigint): RaftConfig {
  const voters = [localPeer, ...config.remotePeers].map((peer) => peer.id).sort();
  return {
    self: localPeer.id,
    voters,
    list: listFingerprint(config.clusterId, voters),
    instance,
    heartbeatMs: config.election.heartbeatMs,
    electionTimeoutMs: config.election.electionTimeoutMs,
    abstainMs: config.election.electionTimeoutMs,
    priority: config.priority,
    voterOnly: config.voterOnly,
    startAsLeader: config.startAsLeader,
  };
}

/** Random bits that tell this process from every other of its id; 0 would mean none. */
function drawInstance(): bigint {
  return randomBytes(8).readBigUInt64LE() || 1n;
}

function keysOf(config: Config, log: Log): Keyring {
  if (config.peerKeyFile === undefined) {
    log.warn(
      {
        hint: 'Set peerKeyFile on every node; until then anybody on the network can depose or feign a leader',
      },
      'peers are not authenticated',
    );
    return UNAUTHENTICATED;
  }
  const { keys, warning } = loadKeyFile(config.peerKeyFile);
  if (warning !== undefined) log.warn({ warning }, 'key file warning');
  return keys;
}
