import { expect, test } from 'vitest';
import { PeerHealth } from '../../src/raft/peer-health.ts';

const LIVE_MS = 300;

test('a peer that is set right is well at once, also when it is seldom heard', () => {
  const health = new PeerHealth();
  health.noteRefused(1000, 'bad-code');
  expect(health.problem(1500, LIVE_MS)).toMatch(/^signs with another key/);
  health.noteAccepted(2000, true);
  expect(health.problem(2900, LIVE_MS)).toBeNull();
  health.noteRefused(3000, 'bad-code');
  expect(health.problem(3500, LIVE_MS)).toMatch(/^signs with another key/);
});

test('a fault that does not come again is over', () => {
  const health = new PeerHealth();
  health.noteRefused(1000, 'unknown-key');
  expect(health.problem(11_000, LIVE_MS)).not.toBeNull();
  expect(health.problem(11_001, LIVE_MS)).toBeNull();
});
