import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Config, Peer } from '../config/config.ts';
import { listFingerprint } from '../core/election/raft/fingerprint.ts';
import type { RaftConfig } from '../core/election/raft/state.ts';
import { loadBinding } from '../dataplane/binding.ts';
import { Forwarder } from '../dataplane/forwarder.ts';
import { type Guard, startGuard } from '../dataplane/guard.ts';
import { Kernel } from '../dataplane/kernel.ts';
import { type Keyring, loadKeyFile, UNAUTHENTICATED } from '../raft/keys.ts';
import { StateFile } from '../raft/state-file.ts';
import { Transport } from '../raft/transport.ts';
import type { Log } from '../telemetry/log.ts';
import { bootClock, type Clock } from './clock.ts';
import type { Elector } from './elector.ts';
import { takeInstanceLock } from './instance-lock.ts';
import { OwnedAddresses } from './owned-addresses.ts';
import { PreparedResignation } from './prepared-resignation.ts';
import { type ChannelListener, type PeerChannel, RaftElector } from './raft-elector.ts';
import type { HeldRight } from './right.ts';
import { type DaemonOptions, type Parts, RunningDaemon } from './running.ts';
import { defuseSignals, HangUps, nextSignal } from './shutdown.ts';
import { SingleElector } from './single-elector.ts';

/** How long a start waits for the process before it to end. */
const PREDECESSOR_PATIENCE_MS = 3000;

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
  const parts = await openParts(options, {
    fired: () => daemon.guardFired(),
    changed: () => daemon.guardChanged(),
  });
  const daemon: RunningDaemon = new RunningDaemon(options, parts);
  let withdrawn = false;
  try {
    await daemon.begin();
    hangUps.deliver(() => void daemon.reload());
    const signal = await stopped;
    log.info({ signal }, 'leaving');
  } finally {
    withdrawn = await daemon.leave();
    await parts.close(withdrawn);
  }
  return withdrawn;
}

/** What happens to the guard, told to the daemon. */
interface GuardEvents {
  readonly fired: () => void;
  readonly changed: () => void;
}

async function openParts(options: DaemonOptions, events: GuardEvents): Promise<Parts> {
  const { config } = options;
  const log = options.log.child({ component: 'guard' });
  const binding = loadBinding();
  const clock = bootClock(() => binding.bootTimeMs());
  const owned = new OwnedAddresses(ownedAddressesFile(config));
  owned.add(config.vips.map((vip) => vip.address));
  const guard = await startGuard({
    onFired: (fired) => {
      log.warn({ ...fired }, 'guard withdrew');
      events.fired();
    },
    onDegraded: (err, retryInMs) => {
      log.error({ err, retryInMs }, 'guard is gone; another one is started');
      events.changed();
    },
    onRestored: () => {
      log.info('guard runs again');
      events.changed();
    },
  });
  const kernel = new Kernel();
  const forwarder = new Forwarder({ threads: config.threads });
  return {
    clock,
    kernel,
    guard,
    forwarder,
    owned,
    ...electorParts(options, { clock, guard }),
    async close(withdrawn) {
      forwarder.close();
      kernel.close();
      if (withdrawn) await guard.close();
    },
  };
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
