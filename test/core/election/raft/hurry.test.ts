import { expect, test } from 'vitest';
import { nextWakeAt } from '../../../../src/core/election/raft/raft.ts';
import { Subject } from './subject.ts';

/** A leader whose second heartbeat, of 420, has been acknowledged. */
function answeredLeader(): Subject {
  const leader = new Subject().elect(400);
  leader.ack(401, 'b', 1);
  leader.tick(420);
  leader.ack(421, 'b', 2);
  return leader;
}

/** When its next heartbeats go out if nobody says anything. */
function nextHeartbeats(leader: Subject, count: number): readonly number[] {
  return Array.from({ length: count }, () => {
    const due = nextWakeAt(leader.state);
    leader.tick(due);
    return due;
  });
}

test('a leader that is answered asks once every heartbeat', () => {
  const leader = answeredLeader();
  expect(nextHeartbeats(leader, 1)).toEqual([470]);
  leader.ack(471, 'c', 3);
  expect(nextHeartbeats(leader, 1)).toEqual([520]);
});

test('a leader whose last heartbeat is not answered asks sooner, until one is', () => {
  const leader = answeredLeader();
  expect(nextHeartbeats(leader, 4)).toEqual([470, 520, 540, 560]);
  leader.ack(561, 'b', 6);
  expect(nextHeartbeats(leader, 2)).toEqual([580, 630]);
});
