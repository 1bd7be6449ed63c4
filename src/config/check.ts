/**
 * What no single value shows: contradictions between options, and choices that are allowed and
 * probably not meant. Pure; files are looked at in `key-file.ts`.
 */
import {
  formatEndpoint,
  ipFamily,
  isLoopback,
  isMulticast,
  isUnspecified,
} from '../core/address/ip.ts';
import type { Placed } from './compound.ts';
import type { ElectionTiming, Peer, VipOption } from './config.ts';
import type { Values } from './kind.ts';
import type { OPTIONS } from './options.ts';
import type { Problem } from './problem.ts';
import type { Origin } from './source.ts';

export type Written = Values<typeof OPTIONS>;

export interface Checking {
  readonly written: Written;
  readonly vips: readonly Placed<VipOption>[];
  readonly timing: ElectionTiming;
  readonly originOf: (path: string) => Origin;
  /** Something was written there; when it has no value, that is reported already. */
  readonly isGiven: (path: string) => boolean;
  readonly problems: Problem[];
  readonly warnings: Problem[];
}

export function checkRoles(checking: Checking): void {
  const { written, originOf, isGiven, problems, warnings, vips } = checking;
  const { singleNode, voterOnly, startAsLeader, disableVip, localPeer, remotePeers } = written;
  const refuse = (path: string, what: string, fix: string) =>
    problems.push({ origin: originOf(path), what, fix });
  const several = (remotePeers ?? []).length > 0;
  if (singleNode) {
    if (several) {
      warnings.push({
        origin: originOf('singleNode'),
        what: 'singleNode is true, so remotePeers have no say, and each of them may hold the VIP too',
        fix: 'remove remotePeers, or write singleNode: false',
      });
    }
    if (voterOnly)
      refuse('voterOnly', 'voterOnly has no meaning with singleNode', 'keep one of the two');
    if (written.election?.type === 'raft') {
      refuse(
        'election.type',
        'election.type is raft, and singleNode is true',
        'keep one of the two',
      );
    }
  } else if (written.election?.type !== 'none') {
    if (!several && !isGiven(remotePeers === undefined ? 'remotePeers' : 'remotePeers[0]')) {
      refuse(
        'remotePeers',
        'no remotePeers, so there is nobody to hold an election with',
        'list the other nodes, or write singleNode: true if there are none',
      );
    }
    if (localPeer === undefined && !isGiven('localPeer') && (several || voterOnly)) {
      refuse(
        'localPeer',
        'localPeer is missing beside remotePeers',
        'write localPeer: {id: …, address: …, port: …} of this node',
      );
    }
  } else if (several) {
    refuse(
      'election.type',
      'election.type is none, and there are remotePeers',
      'remove one of the two',
    );
  }
  if (voterOnly && startAsLeader) {
    refuse('startAsLeader', 'startAsLeader contradicts voterOnly', 'keep one of the two');
  }
  if (disableVip && !singleNode) {
    refuse(
      'disableVip',
      'disableVip is for one node alone',
      'write singleNode: true, or give the VIP',
    );
  }
  const named = ['vip', 'address', 'vips[0]'].some(isGiven);
  if (vips.length === 0 && !named && !disableVip && !voterOnly) {
    refuse('vip', 'no VIP', 'write vip: with the address that clients use');
  }
}

export function checkPeers({ written, originOf, problems, warnings }: Checking): void {
  const { localPeer } = written;
  const remote = remotePeersOf(written);
  const all: Placed<Peer>[] = [
    ...(localPeer === undefined ? [] : [{ path: 'localPeer', value: localPeer }]),
    ...remote,
  ];
  const ids = new Map<string, string>();
  const endpoints = new Map<string, string>();
  for (const { path, value } of all) {
    const { id, address, port } = value;
    const endpoint = formatEndpoint(address, port);
    const sameId = ids.get(id);
    const sameEndpoint = endpoints.get(endpoint);
    if (sameId !== undefined) {
      problems.push({
        origin: originOf(`${path}.id`),
        what: `${path} has the id "${id}" of ${sameId}`,
        fix: 'give every peer an id of its own',
      });
    } else if (sameEndpoint !== undefined) {
      problems.push({
        origin: originOf(`${path}.address`),
        what: `${path} has the address ${endpoint} of ${sameEndpoint}`,
        fix: 'give every peer an address or a port of its own',
      });
    }
    ids.set(id, sameId ?? path);
    endpoints.set(endpoint, sameEndpoint ?? path);
    if (isMulticast(address) || isUnspecified(address)) {
      problems.push({
        origin: originOf(`${path}.address`),
        what: `${path}.address is ${address}, which is no address of one node`,
        fix: 'write the address that the node has on its network',
      });
    }
    if (localPeer !== undefined && ipFamily(address) !== ipFamily(localPeer.address)) {
      problems.push({
        origin: originOf(`${path}.address`),
        what: `${path}.address is of another family than localPeer.address`,
        fix: 'write IPv4 for all peers, or IPv6 for all',
      });
    }
  }
  if (remote.length === 1 && !written.singleNode) {
    warnings.push({
      origin: originOf('remotePeers'),
      what: 'two voters cannot outvote the loss of one: when either fails, the VIP is gone',
      fix: 'add a third machine, which may be a witness with voterOnly: true',
    });
  }
}

/** kube-vip allowed this node among the remote peers, so that one list served all nodes. */
export function remotePeersOf({ localPeer, remotePeers }: Written): readonly Placed<Peer>[] {
  return (remotePeers ?? []).filter(
    ({ value }) =>
      value.id !== localPeer?.id ||
      value.address !== localPeer.address ||
      value.port !== localPeer.port,
  );
}

export function checkVips(checking: Checking): void {
  const { written, vips, originOf, problems } = checking;
  const peers = new Map<string, string>();
  if (written.localPeer !== undefined) peers.set(written.localPeer.address, 'localPeer');
  for (const { path, value } of remotePeersOf(written)) peers.set(value.address, path);
  const seen = new Map<string, string>();
  for (const { path, value } of vips) {
    const { address } = value;
    const origin = originOf(path);
    const peer = peers.get(address);
    const twin = seen.get(address);
    if (peer !== undefined) {
      problems.push({
        origin,
        what: `${path} is ${address}, which is the address of ${peer}`,
        fix: 'write an address that no machine has of its own',
      });
    }
    if (twin !== undefined) {
      problems.push({ origin, what: `${path} repeats ${address} of ${twin}`, fix: 'remove it' });
    }
    if (isMulticast(address) || isUnspecified(address) || isLoopback(address)) {
      problems.push({
        origin,
        what: `${path} is ${address}, which other machines cannot reach`,
        fix: 'write an unused address of the network that clients come from',
      });
    }
    seen.set(address, twin ?? path);
  }
}

export function checkTiming({ written, timing, originOf, problems, warnings }: Checking): void {
  if (timing.type === 'none') return;
  const { heartbeatMs, electionTimeoutMs, marginMs } = timing;
  const origin = originOf(
    written.election?.heartbeatMs === undefined
      ? 'election.electionTimeoutMs'
      : 'election.heartbeatMs',
  );
  if (heartbeatMs * 3 > electionTimeoutMs) {
    problems.push({
      origin,
      what: `election.heartbeatMs of ${heartbeatMs} leaves room for fewer than three heartbeats in an electionTimeoutMs of ${electionTimeoutMs}`,
      fix: `write heartbeatMs: ${Math.floor(electionTimeoutMs / 6)}, or electionTimeoutMs: ${heartbeatMs * 6}`,
    });
    return;
  }
  // The right is what remains of the promise after clock rates and margin are taken off.
  const rightMs = Math.floor(electionTimeoutMs / 1.02) - marginMs;
  if (rightMs < heartbeatMs * 2) {
    problems.push({
      origin,
      what: `an electionTimeoutMs of ${electionTimeoutMs} leaves the leader ${rightMs} ms to serve after a heartbeat, less than two heartbeats of ${heartbeatMs}`,
      fix: 'write a longer electionTimeoutMs, or profile: fast, whose margin is smaller',
    });
  } else if (electionTimeoutMs < 100) {
    warnings.push({
      origin,
      what: `an electionTimeoutMs of ${electionTimeoutMs} makes short pauses of a machine into failovers`,
      fix: 'write 100 or more',
    });
  }
}

export function checkKey({ written, timing, originOf, warnings }: Checking): void {
  if (timing.type === 'none' || written.peerKeyFile !== undefined) return;
  warnings.push({
    origin: originOf('peerKeyFile'),
    what: 'no peerKeyFile: whoever reaches the port of the peers can take the VIP away',
    fix: 'write peerKeyFile: with the path of a file that holds the same secret on every node',
  });
}
