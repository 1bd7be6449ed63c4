import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The files of one node: what an operator would write, and where the daemon keeps its own. */
export interface NodeFiles {
  readonly config: string;
  readonly controlSocket: string;
  readonly log: string;
}

export interface VipSetting {
  readonly address: string;
  readonly interface: string;
}

export interface BalancerSetting {
  readonly name: string;
  readonly port: number;
  readonly bindToVip: boolean;
  readonly backends: readonly { readonly address: string; readonly port: number }[];
  /** More lines of it, as they shall stand in the file, without their indentation. */
  readonly extra?: readonly string[];
}

/** What the nodes of one group have in common, and what tests vary. */
export interface GroupSettings {
  readonly peers: readonly { readonly id: string; readonly address: string }[];
  readonly vips: readonly VipSetting[];
  readonly balancers: readonly BalancerSetting[];
  readonly gratuitousArp?: boolean;
  /** More lines of the configuration, as they shall stand in the file. */
  readonly extra?: readonly string[];
  /** The same for some nodes only, by their id. */
  readonly extraOf?: Readonly<Record<string, readonly string[]>>;
}

const PEER_PORT = 10_000;

/** Writes the key that all nodes of a group share, and returns its path. */
export function writePeerKey(directory: string): string {
  const file = path.join(directory, 'peer.key');
  writeFileSync(file, `1 ${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  return file;
}

/**
 * Writes the configuration of node `id` into a folder of its own below `directory`.
 *
 * @param peerKeyFile where the group's key is.
 */
export function writeNodeFiles(
  directory: string,
  id: string,
  settings: GroupSettings,
  peerKeyFile: string,
): NodeFiles {
  const home = path.join(directory, id);
  mkdirSync(path.join(home, 'data'), { recursive: true });
  const files: NodeFiles = {
    config: path.join(home, 'fairlead.yaml'),
    controlSocket: path.join(home, 'fairlead.sock'),
    log: path.join(home, 'log'),
  };
  const text = nodeConfig(id, settings, {
    ...files,
    peerKeyFile,
    dataDir: path.join(home, 'data'),
  });
  writeFileSync(files.config, text);
  return files;
}

/** The configuration of node `id`, as an operator would write it. */
export function nodeConfig(
  id: string,
  settings: GroupSettings,
  paths: {
    readonly peerKeyFile: string;
    readonly dataDir: string;
    readonly controlSocket: string;
  },
): string {
  const peer = ({ id: peerId, address }: GroupSettings['peers'][number]): string =>
    `{id: ${peerId}, address: "${address}", port: ${PEER_PORT}}`;
  const lines: string[] = [];
  const self = settings.peers.find((candidate) => candidate.id === id);
  if (self !== undefined) lines.push(`localPeer: ${peer(self)}`);
  const others = settings.peers.filter((candidate) => candidate.id !== id);
  if (others.length > 0) {
    lines.push('remotePeers:', ...others.map((other) => `- ${peer(other)}`));
    lines.push(`peerKeyFile: ${paths.peerKeyFile}`);
  }
  lines.push(
    'vips:',
    ...settings.vips.map((vip) => `- {address: "${vip.address}", interface: ${vip.interface}}`),
  );
  lines.push(
    `gratuitousARP: ${settings.gratuitousArp ?? true}`,
    `dataDir: ${paths.dataDir}`,
    `controlSocket: ${paths.controlSocket}`,
    ...(settings.extra ?? []),
    ...(settings.extraOf?.[id] ?? []),
  );
  if (settings.balancers.length > 0) lines.push('loadBalancers:');
  for (const balancer of settings.balancers) {
    lines.push(
      `- name: ${balancer.name}`,
      '  type: tcp',
      `  port: ${balancer.port}`,
      `  bindToVip: ${balancer.bindToVip}`,
      '  backends:',
      ...balancer.backends.map(({ address, port }) => `  - {address: "${address}", port: ${port}}`),
      ...(balancer.extra ?? []).map((line) => `  ${line}`),
    );
  }
  return `${lines.join('\n')}\n`;
}
