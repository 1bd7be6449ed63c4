import { setTimeout as sleep } from 'node:timers/promises';
import { invariant } from '../core/invariant.ts';
import type { HandoffResult } from '../core/status/control.ts';
import type { Status } from '../core/status/status.ts';
import type { Instant } from '../core/time.ts';
import type { NativeBinding } from '../dataplane/binding.ts';
import type { ChildExit } from './child-exit.ts';
import { DaemonProcess, type Program } from './daemon-process.ts';
import { type Condition, createHistory, type History } from './history.ts';
import { holderAfter } from './holding.ts';
import {
  createNetwork,
  type Network,
  type NetworkOptions,
  type Station,
  vipAddress,
} from './network.ts';
import { type GroupSettings, writeNodeFiles, writePeerKey } from './node-files.ts';
import type { PartMessage } from './part/part.ts';
import { type RunningPart, startPart } from './part/spawn.ts';
import { type AddressChange, type Referee, startReferee } from './referee.ts';

/** How to ask a running daemon; the command line has the code for it. */
export interface DaemonControl {
  status(controlSocket: string): Promise<Status>;
  handoff(controlSocket: string): Promise<HandoffResult>;
}

/** What a stage is built with. */
export interface StageTools {
  readonly binding: NativeBinding;
  /** The `fairlead-netns` executable. */
  readonly netns: string;
  readonly program: Program;
  readonly control: DaemonControl;
  /** An empty folder for configuration, key, sockets and logs. */
  readonly directory: string;
}

export interface StageOptions extends NetworkOptions {
  /** The VIP that is probed and judged; it must be among those of `settings`. Default: IPv4. */
  readonly vip?: string;
  readonly settings?: Partial<Omit<GroupSettings, 'peers'>>;
  /** A daemon ended although nobody asked it to. */
  readonly onAccident?: (daemon: DaemonProcess, exit: ChildExit) => void;
}

export const BALANCER_PORT = 80;
export const BACKEND_PORT = 8080;
const PROBE_PORT = 7007;
const REQUEST_INTERVAL_MS = 20;

/** A peer heard from more recently than this is there: four heartbeats of the default profile. */
const PEER_SEEN_MS = 200;
const POLL_INTERVAL_MS = 5;
const STATUS_POLL_INTERVAL_MS = 50;

interface StageParts {
  readonly tools: StageTools;
  readonly network: Network;
  readonly history: History;
  readonly changes: readonly AddressChange[];
  readonly daemons: readonly DaemonProcess[];
  readonly referee: Referee;
}

/**
 * Makes the network, writes the nodes' files and sets the referee up. No daemon runs yet.
 *
 * @throws {OperationalError} when the kernel refuses.
 */
export async function createStage(tools: StageTools, options: StageOptions): Promise<Stage> {
  const vip = options.vip ?? vipAddress();
  const network = await createNetwork(tools.binding, tools.netns, options);
  try {
    const names = network.nodes.map(({ name }) => name);
    const history = createHistory(tools.binding.bootTimeMs(), names, vip);
    const changes: AddressChange[] = [];
    const referee = await startReferee(
      network.middle.inside([tools.netns, 'watch']),
      (change) => {
        changes.push(change);
        if (change.address !== vip) return;
        history.holding.push({ at: change.at, node: change.network, held: !change.removed });
      },
      (error) => history.accidents.push(error.message),
    );
    for (const station of [...network.nodes, network.client, network.backends]) {
      await introduce(network, referee, station);
    }
    const peerKeyFile = writePeerKey(tools.directory);
    const settings = settingsOf(network, vip, options.settings ?? {});
    const daemons = network.nodes.map((node) => {
      const files = writeNodeFiles(tools.directory, node.name, settings, peerKeyFile);
      return new DaemonProcess(node, tools.program, files, (daemon, exit) => {
        history.accidents.push(
          `The daemon of ${daemon.node} ended by itself with ${exit.signal ?? exit.code}`,
        );
        options.onAccident?.(daemon, exit);
      });
    });
    return new Stage({ tools, network, history, changes, daemons, referee });
  } catch (error) {
    await network.close();
    throw error;
  }
}

async function introduce(network: Network, referee: Referee, station: Station): Promise<void> {
  const [first] = station.addresses;
  invariant(first !== undefined, 'everybody in the network has an address');
  const seen = referee.expect(first.address, station.name);
  await network.addAddresses(station);
  await seen;
}

function settingsOf(
  network: Network,
  vip: string,
  settings: NonNullable<StageOptions['settings']>,
): GroupSettings {
  return {
    vips: [{ address: vip, interface: 'eth0' }],
    balancers: [
      {
        name: 'web',
        port: BALANCER_PORT,
        bindToVip: true,
        backends: network.backends.addresses.map(({ address }) => ({
          address,
          port: BACKEND_PORT,
        })),
      },
    ],
    ...settings,
    peers: network.nodes.map(({ name, addresses }) => ({
      id: name,
      address: addresses[0]?.address ?? '',
    })),
  };
}

/** Nodes with their daemons, backends, a client and a referee. */
export class Stage {
  readonly network: Network;
  readonly history: History;
  /** Every change of an address on a node, the client or the backends, in the kernel's order. */
  readonly changes: readonly AddressChange[];
  readonly daemons: readonly DaemonProcess[];
  readonly #tools: StageTools;
  readonly #referee: Referee;
  readonly #parts: RunningPart[] = [];
  readonly #ends: (() => void)[] = [];
  #settledUntil: Instant = 0;

  constructor(parts: StageParts) {
    this.network = parts.network;
    this.history = parts.history;
    this.changes = parts.changes;
    this.daemons = parts.daemons;
    this.#tools = parts.tools;
    this.#referee = parts.referee;
  }

  now(): Instant {
    return this.#tools.binding.bootTimeMs();
  }

  /** The node that has the VIP, as the kernel says. */
  get holder(): string | undefined {
    return holderAfter(this.history.holding);
  }

  daemon(node: string): DaemonProcess {
    const daemon = this.daemons.find((candidate) => candidate.node === node);
    invariant(daemon !== undefined, `"${node}" is not a node of this stage`);
    return daemon;
  }

  station(node: string): Station {
    const station = this.network.nodes.find(({ name }) => name === node);
    invariant(station !== undefined, `"${node}" is not a node of this stage`);
    return station;
  }

  /** Starts the backends, what answers probes on every node, and the client that asks. */
  async startAudience(): Promise<void> {
    const { network, history } = this;
    const { program } = this.#tools;
    const names = network.backends.addresses.map(({ address }, index) => ({
      address,
      name: `backend-${index + 1}`,
    }));
    const audience = [
      startPart(network.backends, program, {
        part: 'backends',
        port: BACKEND_PORT,
        backends: names,
      }),
      ...network.nodes.map((node) =>
        startPart(node, program, {
          part: 'answerer',
          vip: history.vip,
          probePort: PROBE_PORT,
          name: node.name,
        }),
      ),
    ];
    this.#parts.push(...(await Promise.all(audience)));
    const client = {
      part: 'client',
      vip: history.vip,
      probePort: PROBE_PORT,
      requestPort: BALANCER_PORT,
      probeIntervalMs: 1,
      requestIntervalMs: REQUEST_INTERVAL_MS,
    } as const;
    this.#parts.push(
      await startPart(network.client, program, client, (message) => this.#hear(message)),
    );
  }

  #hear(message: PartMessage): void {
    if (message.kind !== 'client-report') return;
    this.history.probes.push(...message.probes);
    this.history.requests.push(...message.requests);
    this.#settledUntil = message.settledUntil;
  }

  startDaemons(): void {
    for (const daemon of this.daemons) daemon.start();
  }

  status(node: string): Promise<Status> {
    return this.#tools.control.status(this.daemon(node).files.controlSocket);
  }

  handoff(node: string): Promise<HandoffResult> {
    return this.#tools.control.handoff(this.daemon(node).files.controlSocket);
  }

  setCondition(node: string, condition: Condition): void {
    this.history.conditions.push({ at: this.now(), node, condition });
  }

  /**
   * Waits until `condition` holds. False when it does not within `limitMs`, or after an accident.
   */
  async until(condition: () => boolean, limitMs: number): Promise<boolean> {
    const deadline = this.now() + limitMs;
    while (!condition()) {
      if (this.now() > deadline || this.history.accidents.length > 0) return condition();
      await sleep(POLL_INTERVAL_MS);
    }
    return true;
  }

  /** Waits until the fate of all that the client asked before `at` is known; at most 1.5 s. */
  async untilSettled(at: Instant): Promise<void> {
    await this.until(() => this.#settledUntil >= at, 1500);
  }

  /** Waits until all nodes follow the one that has the VIP, and it hears from all of them. */
  async untilWhole(limitMs: number): Promise<boolean> {
    const deadline = this.now() + limitMs;
    for (;;) {
      if (await this.#isWhole()) return true;
      if (this.now() > deadline || this.history.accidents.length > 0) return false;
      await sleep(STATUS_POLL_INTERVAL_MS);
    }
  }

  async #isWhole(): Promise<boolean> {
    const answers = await Promise.allSettled(this.daemons.map(({ node }) => this.status(node)));
    const { holder } = this;
    return answers.every(
      (answer) => answer.status === 'fulfilled' && follows(answer.value, holder),
    );
  }

  /** Has `end` called when the stage is closed. */
  atClose(end: () => void): void {
    this.#ends.push(end);
  }

  /** Ends everything: daemons at once and without ceremony. */
  async close(): Promise<void> {
    for (const end of this.#ends) end();
    this.#referee.close();
    for (const part of this.#parts) part.stop();
    await Promise.all(this.daemons.map((daemon) => daemon.end('SIGKILL')));
    await this.network.close();
  }
}

/** Whether a node leads and hears from all others, or hears from the one that leads. */
function follows({ node, election }: Status, holder: string | undefined): boolean {
  if (holder === undefined || election.holder !== holder) return false;
  if (election.role !== (node === holder ? 'leader' : 'follower')) return false;
  // Followers have nothing to say to each other.
  const needed = election.peers.filter(({ id }) => node === holder || id === holder);
  return needed.every(({ lastSeenMs }) => lastSeenMs !== null && lastSeenMs <= PEER_SEEN_MS);
}
