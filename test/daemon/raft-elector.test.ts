import { afterEach, expect, test } from 'vitest';
import type { RaftConfig } from '../../src/core/election/raft/state.ts';
import { type ChannelListener, RaftElector } from '../../src/daemon/raft-elector.ts';
import { HeldRight } from '../../src/daemon/right.ts';
import { openLog } from '../../src/telemetry/log.ts';

const ELECTION_TIMEOUT_MS = 60;

/** Alone among its voters, so that it leads as soon as it may, and nobody can come after it. */
const CONFIG: RaftConfig = {
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

const started: RaftElector[] = [];

afterEach(async () => {
  for (const elector of started.splice(0)) await elector.leave();
});

function start(): { elector: RaftElector; right: HeldRight; network: ChannelListener } {
  const clock = { now: (): number => performance.now() + 1000, wall: () => '' };
  const right = new HeldRight(10, {
    clock,
    storeDeadline: () => true,
    fired: () => {},
    changed: () => {},
    withdrawn: async () => {},
  });
  const listeners: ChannelListener[] = [];
  const elector = new RaftElector({
    config: CONFIG,
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
        peers: () => [],
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
