import { afterEach, expect, test } from 'vitest';
import type { RaftConfig } from '../../src/core/election/raft/state.ts';
import type { PeerStatus } from '../../src/core/status/status.ts';
import { type ChannelListener, RaftElector } from '../../src/daemon/raft-elector.ts';
import { HeldRight } from '../../src/daemon/right.ts';
import { openLog } from '../../src/telemetry/log.ts';

const ELECTION_TIMEOUT_MS = 60;

/** The only voter, so that it leads as soon as it may, and nobody can come after it. */
const ALONE: RaftConfig = {
  self: 'a',
  voters: ['a'],
  list: 1n,
  instance: 1n,
  heartbeatMs: 10,
  electionTimeoutMs: ELECTION_TIMEOUT_MS,
  abstainMs: ELECTION_TIMEOUT_MS,
  priority: 0,
  voterOnly: false,
  startAsLeader: false,
};

const PEER: PeerStatus = { id: 'b', address: '192.0.2.2:10000', lastSeenMs: 1, problem: null };

const started: RaftElector[] = [];

afterEach(async () => {
  for (const elector of started.splice(0)) await elector.leave();
});

function start(config = ALONE): {
  elector: RaftElector;
  right: HeldRight;
  network: ChannelListener;
} {
  const clock = { now: (): number => performance.now() + 1000, wall: () => '' };
  const right = new HeldRight(10, {
    clock,
    storeDeadline: () => true,
    fired: () => {},
    begun: () => {},
    changed: () => {},
    withdrawn: async () => {},
  });
  const listeners: ChannelListener[] = [];
  const elector = new RaftElector({
    config,
    right,
    clock,
    log: openLog({ node: 'a', level: 'fatal' }),
    votes: {
      recalled: { term: 0, vote: null },
      save: () => {},
      abstentionEnded: () => {},
      flush: async () => {},
    },
    seed: 1,
    openChannel: (listener) => {
      listeners.push(listener);
      return {
        send: () => {},
        prepare: () => {},
        drain: async () => {},
        peers: () => [PEER],
        close: () => {},
      };
    },
  });
  started.push(elector);
  elector.start();
  elector.setIneligible(undefined);
  const [network] = listeners;
  if (network === undefined) throw new Error('the elector opened no channel');
  return { elector, right, network };
}

test('RaftElector keeps a right that nobody else could use, but not without a guard', async () => {
  const { elector, right } = start();
  await expect.poll(() => right.mayServe()).toBe(true);
  elector.setIneligible('no-carrier');
  expect(elector.status().role).toBe('leader');
  expect(right.mayServe()).toBe(true);
  elector.setIneligible('no-guard');
  expect(elector.status().role).toBe('follower');
  expect(right.mayServe()).toBe(false);
  elector.setIneligible(undefined);
  await expect.poll(() => right.mayServe()).toBe(true);
});

test('RaftElector is stopped by a twin for as long as that is heard', async () => {
  const { elector, right, network } = start();
  await expect.poll(() => right.mayServe()).toBe(true);
  network.twinHeard(2n);
  expect(right.mayServe()).toBe(false);
  expect(elector.status()).toMatchObject({ role: 'stopped', problem: expect.any(String) });
  await expect.poll(() => right.mayServe()).toBe(true);
  expect(elector.status()).toMatchObject({ role: 'leader', problem: null });
});

test('RaftElector stands again after a twin that it met when its turn had come', async () => {
  const { elector, right, network } = start();
  // As a node that was stopped does: what waits in its socket is heard before its timer is served.
  const until = performance.now() + 2 * ELECTION_TIMEOUT_MS;
  while (performance.now() < until);
  network.twinHeard(2n);
  await expect.poll(() => right.mayServe()).toBe(true);
  expect(elector.status().role).toBe('leader');
});

test('RaftElector speaks of a peer with another list only as long as that process lives', () => {
  const { elector, network } = start({ ...ALONE, voters: ['a', 'b'] });
  const problems = (): unknown => elector.status().peers.map((peer) => peer.problem);
  network.renewed('b');
  network.received({ id: 'b', instance: 2n }, { kind: 'stale-term', list: 2n, term: 0 });
  expect(problems()).toEqual(['its list of peers is another than ours']);
  network.renewed('b');
  expect(problems()).toEqual([null]);
});
