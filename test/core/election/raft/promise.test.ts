import { expect, test } from 'vitest';
import type { Message } from '../../../../src/core/election/raft/message.ts';
import { startRaft, stepRaft } from '../../../../src/core/election/raft/raft.ts';
import type { RaftConfig, RaftState } from '../../../../src/core/election/raft/state.ts';

const LIST = 7n;
const CONFIG: RaftConfig = {
  self: 'c',
  voters: ['a', 'b', 'c', 'd', 'e'],
  list: LIST,
  instance: 3n,
  heartbeatMs: 50,
  electionTimeoutMs: 300,
  abstainMs: 300,
  priority: 0,
  voterOnly: false,
  startAsLeader: false,
};

/**
 * The voter `c`, past its abstention, told one message at a time; returns whom it answered and how.
 */
class VoterC {
  #state: RaftState = startRaft(CONFIG, { term: 0, vote: null }, 0, 1).state;

  hears(from: 'a' | 'b', message: Message, now: number): readonly string[] {
    const sender = { id: from, instance: from === 'a' ? 1n : 2n };
    const event = { kind: 'received', from: sender, message } as const;
    const { state, effects } = stepRaft(this.#state, event, now, CONFIG);
    this.#state = state;
    return effects.flatMap((it) => (it.kind === 'send' ? [`${it.message.kind} to ${it.to}`] : []));
  }
}

function heartbeat(term: number): Message {
  return { kind: 'heartbeat', list: LIST, term, sequence: 1, holdMs: 300, rank: 0 };
}

test('a voter acknowledges nobody else while its promise runs', () => {
  const voter = new VoterC();
  expect(voter.hears('a', heartbeat(4), 1000)).toEqual(['heartbeat-ack to a']);
  expect(voter.hears('b', heartbeat(5), 1299)).toEqual([]);
  expect(voter.hears('b', heartbeat(5), 1300)).toEqual(['heartbeat-ack to b']);
});

test('a resignation frees a voter for the very next term', () => {
  const voter = new VoterC();
  voter.hears('a', heartbeat(4), 1000);
  voter.hears(
    'a',
    { kind: 'resignation', list: LIST, term: 4, target: 'b', promise: undefined },
    1010,
  );
  expect(voter.hears('b', heartbeat(5), 1020)).toEqual(['heartbeat-ack to b']);
});

test('a resignation does not free a voter from what the same process was promised since', () => {
  const voter = new VoterC();
  voter.hears('a', heartbeat(4), 1000);
  voter.hears(
    'a',
    { kind: 'resignation', list: LIST, term: 4, target: 'b', promise: undefined },
    1010,
  );
  expect(voter.hears('a', heartbeat(6), 2000)).toEqual(['heartbeat-ack to a']);
  expect(voter.hears('b', heartbeat(7), 2010)).toEqual([]);
});
