/** Looks at the machine, and changes nothing on it. What it means is decided in `findings.ts`. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Peer } from '../../config/config.ts';
import { type ConfigSources, type LoadedConfig, loadConfig } from '../../config/load.ts';
import { ConfigError } from '../../config/problem.ts';
import { ipFamily } from '../../core/address/ip.ts';
import { errorCode, OperationalError } from '../../core/errors.ts';
import type { KernelAddress, Link } from '../../core/plan/world.ts';
import { loadBinding, nativeExecutable } from '../../dataplane/binding.ts';
import { Kernel } from '../../dataplane/kernel.ts';
import { loadKeyFile } from '../../raft/keys.ts';

/** Something that was looked for, or why it is not to be had. */
export type Found<T> =
  | { readonly value: T }
  | { readonly failure: string; readonly hint?: string | undefined };

export interface Facts {
  readonly kernelRelease: string;
  /** CapEff of /proc/self/status. */
  readonly capabilities: bigint;
  /** Below it, a port needs CAP_NET_BIND_SERVICE. */
  readonly firstUnprivilegedPort: number;
  readonly maxUserNamespaces: number;
  readonly appArmorRestrictsNamespaces: boolean;
  readonly addon: Found<true>;
  /** The file by which nftables.service removes every table when it starts, if it is enabled. */
  readonly flushesRuleset: string | undefined;
  /** Path of the executable. */
  readonly guard: Found<string>;
  readonly network: Found<{
    readonly links: readonly Link[];
    readonly addresses: readonly KernelAddress[];
    /** Names of links that answer ARP for the addresses of others (`arp_ignore` is 0). */
    readonly answering: readonly string[];
  }>;
  /** Undefined when nothing was said of a configuration. */
  readonly config: LoadedConfig | ConfigError | undefined;
  /** Folders of the configuration that could not be written to, with the errno name. */
  readonly unwritable: readonly { readonly folder: string; readonly code: string }[];
  readonly keyFile: Found<true> | undefined;
  /** The errno name where the kernel knows no route. */
  readonly routes: readonly { readonly peer: Peer; readonly failure?: string }[];
}

export async function gatherFacts(sources: ConfigSources | undefined): Promise<Facts> {
  const config = sources === undefined ? undefined : await tryConfig(sources);
  const valid = config instanceof ConfigError ? undefined : config?.config;
  return {
    kernelRelease: os.release(),
    capabilities: BigInt(`0x${statusField('CapEff') ?? '0'}`),
    firstUnprivilegedPort: numberIn('/proc/sys/net/ipv4/ip_unprivileged_port_start', 1024),
    maxUserNamespaces: numberIn('/proc/sys/user/max_user_namespaces', 0),
    appArmorRestrictsNamespaces:
      numberIn('/proc/sys/kernel/apparmor_restrict_unprivileged_userns', 0) !== 0,
    addon: find(() => {
      loadBinding();
      return true;
    }),
    flushesRuleset: findFlush(),
    guard: find(() => executable(nativeExecutable('fairlead-guard'))),
    network: await listNetwork(),
    config,
    unwritable:
      valid === undefined
        ? []
        : [valid.dataDir, path.dirname(valid.controlSocket)].flatMap(writeFailure),
    keyFile: keyFileOf(valid?.peerKeyFile),
    routes: await Promise.all((valid?.remotePeers ?? []).map(routeTo)),
  };
}

async function tryConfig(sources: ConfigSources): Promise<LoadedConfig | ConfigError> {
  try {
    return await loadConfig(sources);
  } catch (err) {
    if (err instanceof ConfigError) return err;
    throw err;
  }
}

function find<T>(look: () => T): Found<T> {
  try {
    return { value: look() };
  } catch (err) {
    return failureOf(err);
  }
}

function failureOf(err: unknown): { readonly failure: string; readonly hint?: string | undefined } {
  if (err instanceof OperationalError) return { failure: err.message, hint: err.hint };
  return { failure: err instanceof Error ? err.message : String(err) };
}

function executable(file: string): string {
  accessSync(file, constants.X_OK);
  return file;
}

async function listNetwork(): Promise<Facts['network']> {
  let kernel: Kernel | undefined;
  try {
    kernel = new Kernel();
    const [links, addresses] = await Promise.all([kernel.links(), kernel.addresses()]);
    const arpIgnore = (name: string): number =>
      numberIn(`/proc/sys/net/ipv4/conf/${name}/arp_ignore`, 0);
    // The greater of both counts (ip-sysctl.rst).
    const ignoredEverywhere = arpIgnore('all') > 0;
    const answering = links
      .map(({ name }) => name)
      .filter((name) => !ignoredEverywhere && arpIgnore(name) === 0);
    return { value: { links, addresses, answering } };
  } catch (err) {
    return failureOf(err);
  } finally {
    kernel?.close();
  }
}

function keyFileOf(file: string | undefined): Facts['keyFile'] {
  if (file === undefined) return undefined;
  return find(() => {
    loadKeyFile(file);
    return true;
  });
}

/** Whether the folder, or the nearest one above it that exists, can be written to. */
function writeFailure(folder: string): Facts['unwritable'] {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return [];
  } catch (err) {
    const code = errorCode(err);
    if (code === 'ENOENT' && folder !== '/') return writeFailure(path.dirname(folder));
    return [{ folder, code }];
  }
}

/** connect(2) of a datagram socket looks the route up and sends nothing. */
async function routeTo(peer: Peer): Promise<Facts['routes'][number]> {
  const socket = createSocket(ipFamily(peer.address) === 'ipv4' ? 'udp4' : 'udp6');
  try {
    socket.connect(peer.port, peer.address);
    await once(socket, 'connect');
    return { peer };
  } catch (err) {
    return { peer, failure: errorCode(err) };
  } finally {
    socket.close();
  }
}

/** As Debian and Red Hat have it. */
function findFlush(): string | undefined {
  const enabled = ['sysinit.target.wants', 'multi-user.target.wants'].some((wants) =>
    existsSync(`/etc/systemd/system/${wants}/nftables.service`),
  );
  if (!enabled) return undefined;
  return ['/etc/nftables.conf', '/etc/sysconfig/nftables.conf'].find((file) => {
    try {
      return /^\s*flush\s+ruleset/m.test(readFileSync(file, 'utf8'));
    } catch {
      return false; // Not of this distribution, or not for this user to read.
    }
  });
}

function statusField(name: string): string | undefined {
  const text = readFileSync('/proc/self/status', 'utf8');
  return new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(text)?.[1];
}

function numberIn(file: string, otherwise: number): number {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10);
  } catch {
    return otherwise; // The setting is not of this kernel.
  }
}
