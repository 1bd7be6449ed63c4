import { expect, test } from 'vitest';
import { Cluster } from './cluster.ts';
import { completeScenario, PROFILES, type ProfileName } from './scenario.ts';

/** Nobody serves for so long, at the worst of many elections, when `fail` happens to the leader. */
function worstGapMs(profile: ProfileName, fail: (cluster: Cluster) => void): number {
  let worst = 0;
  for (let seed = 1; seed <= 40; seed += 1) {
    const nodes = seed % 2 === 0 ? 3 : 5;
    const shape = { seed, nodes, profile, voterOnly: -1, startAsLeader: 0, loss: 0, faults: [] };
    const cluster = new Cluster(completeScenario(shape), false);
    for (const site of cluster.sites) cluster.agenda.at(0, () => cluster.start(site));
    const { electionTimeoutMs, heartbeatMs } = PROFILES[profile];
    cluster.agenda.runUntil(2500 + 2 * electionTimeoutMs + (heartbeatMs * seed) / 40, () => false);
    expect(serving(cluster), `SEED=${seed}`).toBe(1);
    const failedAt = cluster.agenda.now;
    fail(cluster);
    cluster.agenda.runUntil(failedAt + 60_000, () => serving(cluster) === 0);
    const goneAt = cluster.agenda.now;
    cluster.agenda.runUntil(failedAt + 60_000, () => serving(cluster) === 1);
    worst = Math.max(worst, cluster.agenda.now - goneAt);
    expect(cluster.referee.violation).toBeUndefined();
  }
  return worst;
}

function serving(cluster: Cluster): number {
  return cluster.sites.filter((site) => site.voter?.fence.serving === true).length;
}

function cutPower(cluster: Cluster): void {
  const leader = cluster.leaderSite();
  if (leader !== undefined) cluster.stop(leader, { guardSurvives: false, file: 'kept' });
}

function kill(cluster: Cluster): void {
  const leader = cluster.leaderSite();
  if (leader !== undefined) cluster.stop(leader, { guardSurvives: true, file: 'kept' });
}

function handOff(cluster: Cluster): void {
  cluster.leaderSite()?.voter?.order({ kind: 'handoff', target: undefined });
}

// The goals of README.md; the kernel's time for an address and its announcement comes on top.
test('a leader that loses power is replaced within 600 ms, 250 ms in the fast profile', () => {
  expect(worstGapMs('default', cutPower)).toBeLessThan(400);
  expect(worstGapMs('fast', cutPower)).toBeLessThan(150);
  expect(worstGapMs('slow', cutPower)).toBeLessThan(2600);
});

test('a leader that is killed is replaced within 100 ms of its guard, by resignation', () => {
  expect(worstGapMs('default', kill)).toBeLessThan(20);
  expect(worstGapMs('slow', kill)).toBeLessThan(20);
});

test('a handoff leaves the VIP without an answer for less than 20 ms', () => {
  expect(worstGapMs('default', handOff)).toBeLessThan(20);
  expect(worstGapMs('slow', handOff)).toBeLessThan(20);
});
