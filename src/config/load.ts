import { closeSync, openSync, readSync } from 'node:fs';
import { errorCode } from '../core/errors.ts';
import {
  type Checking,
  checkKey,
  checkPeers,
  checkRoles,
  checkTiming,
  checkVips,
  remotePeersOf,
  type Written,
} from './check.ts';
import { checkBalancers, completeBalancer } from './check-balancers.ts';
import { readFields } from './compound.ts';
import type { Config, ElectionTiming } from './config.ts';
import { checkKeyFile } from './key-file.ts';
import { type Explained, Reading } from './kind.ts';
import { MAX_THREADS, OPTIONS } from './options.ts';
import { overridesOf } from './overrides.ts';
import { ConfigError, type Problem } from './problem.ts';
import type { FieldsNode, Origin } from './source.ts';
import { type WrittenVips, writtenVips } from './vips.ts';
import { parseYamlFile } from './yaml.ts';

/** What defaults depend on. */
export interface Machine {
  /** The node's name when there is no localPeer. */
  readonly hostname: string;
  /** How many of them this process may use. */
  readonly processors: number;
}

export interface ConfigSources {
  /**
   * Its path, or its text when that is at hand; without, environment and flags are all there is.
   */
  readonly file?: string | { readonly name: string; readonly text: string };
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `--name` → its text; a flag alone is "true". */
  readonly flags?: ReadonlyMap<string, string>;
  readonly machine: Machine;
  /** `run` refuses what this version can check and not run; `validate` does not. */
  readonly purpose: 'run' | 'validate';
}

export interface LoadedConfig {
  readonly config: Config;
  /** Allowed, and probably not meant. */
  readonly warnings: readonly Problem[];
  /** Every value with where it came from, in the order of the table. */
  readonly explained: readonly Explained[];
}

/** A file of 10,000 VIPs has less than 1 MiB. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

const NOTHING_GIVEN: Problem = {
  origin: { kind: 'default' },
  what: 'no configuration is given',
  fix: 'name its file with -c FILE ("fairlead config sample" prints one to start from)',
};

/**
 * Reads file, environment and flags (the later stands above the earlier) into one Config. Touches
 * nothing: the file and the key file are read and looked at, names are not resolved.
 *
 * @throws {ConfigError} with every problem that was found.
 */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const overrides = overridesOf(sources);
  if (sources.file === undefined && overrides.size === 0) throw new ConfigError([NOTHING_GIVEN]);
  const root = await readRoot(sources.file);
  const reading = new Reading(overrides);
  reading.problems.push(...root.problems);
  const written = readFields(OPTIONS, root.fields, reading);
  // Without the whole file nothing can be said about what is missing.
  if (root.problems.length > 0) throw new ConfigError(reading.problems);

  const timing = timingOf(written);
  const originOf = (path: string) => nearestOrigin(path, reading.origins, root.fields.origin);
  const vips = writtenVips(written, originOf, reading.problems);
  const checking: Checking = {
    written,
    vips: vips.addresses,
    timing,
    originOf,
    isGiven: (path) => reading.origins.has(path),
    problems: reading.problems,
    warnings: [],
  };
  check(checking, sources.purpose);
  if (checking.problems.length > 0) throw new ConfigError(inOrder(checking.problems));
  const config = freeze(complete(checking, vips, sources.machine));
  return {
    config,
    warnings: inOrder(checking.warnings),
    explained: [...reading.explained, ...explainComputed(config, written)],
  };
}

async function readRoot(
  source: ConfigSources['file'],
): Promise<{ readonly fields: FieldsNode; readonly problems: readonly Problem[] }> {
  if (source === undefined) {
    return { fields: { kind: 'fields', entries: [], origin: { kind: 'default' } }, problems: [] };
  }
  const file = typeof source === 'string' ? source : source.name;
  const origin: Origin = { kind: 'file', file, line: 1, column: 1 };
  const empty: FieldsNode = { kind: 'fields', entries: [], origin };
  const refusal = (what: string, fix: string) => ({
    fields: empty,
    problems: [{ origin, what, fix }],
  });
  let text: string;
  try {
    text = typeof source === 'string' ? readText(source) : source.text;
  } catch (err) {
    if (err instanceof RangeError) return refusal(err.message, 'give the path of a configuration');
    return refusal(
      `the file cannot be read: ${errorCode(err)}`,
      'give the path of a readable file',
    );
  }
  const { root, problems } = await parseYamlFile(file, text);
  if (problems.length > 0) return { fields: empty, problems };
  if (root === undefined || (root.kind === 'scalar' && root.value === null)) {
    return { fields: empty, problems: [] };
  }
  if (root.kind === 'fields') return { fields: root, problems: [] };
  return refusal('the file is not a map of options', 'begin with a line such as vip: 192.0.2.10');
}

/** Reads also what has no size, such as a pipe. @throws {RangeError} when there is no end to it. */
function readText(file: string): string {
  const fd = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(MAX_FILE_BYTES + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read) {
      read = readSync(fd, bytes, length, bytes.length - length, null);
    }
    if (length <= MAX_FILE_BYTES) return bytes.toString('utf8', 0, length);
    throw new RangeError(`the file has more than ${MAX_FILE_BYTES >> 20} MiB`);
  } finally {
    closeSync(fd);
  }
}

function check(checking: Checking, purpose: ConfigSources['purpose']): void {
  checkRoles(checking);
  checkPeers(checking);
  checkVips(checking);
  checkTiming(checking);
  checkKey(checking);
  checkBalancers(checking);
  const { written, originOf, problems, warnings } = checking;
  if (written.peerKeyFile !== undefined) {
    const found = checkKeyFile(written.peerKeyFile, originOf('peerKeyFile'));
    problems.push(...found.problems);
    warnings.push(...found.warnings);
  }
  for (const { path, value } of written.loadBalancers ?? []) {
    if (value.type === 'tcp') continue;
    const problem = {
      origin: originOf(`${path}.type`),
      what: `${path}.type is ${value.type}, which this version checks and does not run`,
      fix: 'write type: tcp, or take the load balancer out',
    };
    (purpose === 'run' ? problems : warnings).push(problem);
  }
}

const PROFILES = {
  default: { heartbeatMs: 50, electionTimeoutMs: 300, marginMs: 50 },
  fast: { heartbeatMs: 20, electionTimeoutMs: 100, marginMs: 10 },
  slow: { heartbeatMs: 250, electionTimeoutMs: 2000, marginMs: 50 },
} as const;

function timingOf({ profile, election, singleNode }: Written): ElectionTiming {
  const { heartbeatMs, electionTimeoutMs, marginMs } = PROFILES[profile];
  return {
    type: singleNode ? 'none' : (election?.type ?? 'raft'),
    heartbeatMs: election?.heartbeatMs ?? heartbeatMs,
    electionTimeoutMs: election?.electionTimeoutMs ?? electionTimeoutMs,
    marginMs,
  };
}

/**
 * The nearest thing that was written around `path`; what is missing is reported where it should be.
 */
function nearestOrigin(path: string, origins: ReadonlyMap<string, Origin>, root: Origin): Origin {
  for (let at = path; at !== ''; at = at.replace(/(?:^|\.)[^.[]*$|\[\d+\]$/, '')) {
    const origin = origins.get(at);
    if (origin !== undefined) return origin;
  }
  return root;
}

function complete(checking: Checking, vips: WrittenVips, machine: Machine): Config {
  const { written, timing } = checking;
  const { localPeer, peerKeyFile, instance } = written;
  return {
    node: localPeer?.id ?? machine.hostname,
    instance,
    ...(localPeer !== undefined && { localPeer }),
    remotePeers: timing.type === 'none' ? [] : remotePeersOf(written).map(({ value }) => value),
    vips: vips.addresses.map(({ value }) => value),
    ...(vips.name !== undefined && { vipName: vips.name }),
    gratuitousArp: written.gratuitousARP,
    singleNode: timing.type === 'none',
    startAsLeader: written.startAsLeader,
    voterOnly: written.voterOnly,
    priority: written.priority,
    election: timing,
    ...(peerKeyFile !== undefined && { peerKeyFile }),
    clusterId: written.clusterId,
    announceIntervalMs: written.announceIntervalMs,
    linkDownGraceMs: written.linkDownGraceMs ?? Math.floor(timing.electionTimeoutMs / 2),
    foreignAddress: written.foreignAddress,
    conflict: written.conflict,
    dataDir: written.dataDir,
    controlSocket: written.controlSocket ?? `/run/fairlead/${instance}.sock`,
    logLevel: written.logLevel,
    threads: written.threads ?? defaultThreads(machine),
    busyPollUs: written.busyPollUs,
    loadBalancers: (written.loadBalancers ?? []).flatMap(
      (placed) => completeBalancer(placed, written) ?? [],
    ),
  };
}

function defaultThreads({ processors }: Machine): number {
  return Math.min(MAX_THREADS, Math.max(1, Math.floor(processors / 2)));
}

/** Defaults that follow from other values, for `config explain`. */
function explainComputed(config: Config, written: Written): readonly Explained[] {
  const { election } = config;
  const all: readonly (false | Explained)[] = [
    written.localPeer === undefined && computed('node', config.node, 'the hostname'),
    written.election?.type === undefined &&
      computed('election.type', election.type, `singleNode ${config.singleNode}`),
    written.election?.heartbeatMs === undefined &&
      computed('election.heartbeatMs', election.heartbeatMs, `profile ${written.profile}`),
    written.election?.electionTimeoutMs === undefined &&
      computed(
        'election.electionTimeoutMs',
        election.electionTimeoutMs,
        `profile ${written.profile}`,
      ),
    written.linkDownGraceMs === undefined &&
      computed('linkDownGraceMs', config.linkDownGraceMs, 'half of electionTimeoutMs'),
    written.controlSocket === undefined &&
      computed('controlSocket', config.controlSocket, `instance ${config.instance}`),
    written.threads === undefined &&
      computed('threads', config.threads, 'half of the processors, at least one'),
  ];
  return all.filter((each) => each !== false);
}

function computed(key: string, value: Explained['value'], because: string): Explained {
  return { key, value, origin: { kind: 'default', because } };
}

/** By place, as a compiler lists them; what has no place comes first. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((a, b) => {
    if (a.origin.kind !== 'file' || b.origin.kind !== 'file') {
      return Number(a.origin.kind === 'file') - Number(b.origin.kind === 'file');
    }
    return a.origin.line - b.origin.line || a.origin.column - b.origin.column;
  });
}

function freeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) freeze(part);
  }
  return Object.freeze(value);
}
