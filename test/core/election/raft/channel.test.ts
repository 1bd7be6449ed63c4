import { expect, test } from 'vitest';
import {
  accept,
  openSession,
  type Session,
  type SessionHeader,
  seal,
  sealPrepared,
} from '../../../../src/core/election/raft/channel.ts';

const LIVE_MS = 300;

/** One end of a channel, and what it says of what it hears. */
class End {
  session: Session;

  constructor(instance: bigint) {
    this.session = openSession(instance);
  }

  seal(kind: 'message' | 'hello' = 'message'): SessionHeader {
    const { session, header } = seal(this.session, kind);
    this.session = session;
    return header;
  }

  /** What it says, and the answer if it has one. */
  hear(header: SessionHeader, now = 0): { word: string; reply: SessionHeader | undefined } {
    const verdict = accept(this.session, header, now, LIVE_MS);
    this.session = verdict.session;
    const word = verdict.kind === 'accepted' ? 'accepted' : verdict.reason;
    return { word, reply: verdict.reply };
  }
}

/**
 * Says hello, and lets both answer until nobody has anything to say; how many datagrams it took.
 */
function meet(one: End, other: End, now = 0): number {
  let datagrams = 1;
  let header: SessionHeader | undefined = one.seal('hello');
  for (let listener = other; ; listener = listener === one ? other : one) {
    header = listener.hear(header, now).reply;
    if (header === undefined) return datagrams;
    datagrams += 1;
  }
}

test('two processes know each other after one hello of either, and then say no more of it', () => {
  const [a, b] = [new End(0xaan), new End(0xbbn)];
  expect(meet(a, b)).toBe(4);
  expect(b.hear(a.seal()).word).toBe('accepted');
  expect(a.hear(b.seal()).word).toBe('accepted');
  expect(meet(a, b, 20)).toBe(1);
});

test('a datagram is accepted once, also out of order, and not when it is too old to tell', () => {
  const [a, b] = [new End(0xaan), new End(0xbbn)];
  meet(a, b);
  const sent = Array.from({ length: 40 }, () => a.seal());
  const judge = (index: number): string => b.hear(sent[index] ?? a.seal()).word;
  expect([0, 2, 1].map(judge)).toEqual(['accepted', 'accepted', 'accepted']);
  expect([2, 1, 0].map(judge)).toEqual(['replayed', 'replayed', 'replayed']);
  expect([39, 38, 8].map(judge)).toEqual(['accepted', 'accepted', 'accepted']);
  expect([39, 7].map(judge)).toEqual(['replayed', 'replayed']);
});

test('a recorded session is worthless once the listener has restarted', () => {
  const [a, b] = [new End(0xaan), new End(0xbbn)];
  meet(a, b);
  const recorded = [a.seal(), a.seal('hello'), a.seal()];
  const reborn = new End(0xb2n);
  for (const header of recorded) expect(reborn.hear(header).word).toBe('unknown-nonce');
});

test('a recorded session is worthless once the speaker has restarted', () => {
  const [a, b] = [new End(0xaan), new End(0xbbn)];
  meet(a, b);
  const recorded = [a.seal(), a.seal()];
  const reborn = new End(0xa2n);
  meet(reborn, b, 1000);
  expect(b.hear(reborn.seal(), 1001).word).toBe('accepted');
  // The former process is heard as a stranger, and shown a nonce that its records cannot hold.
  for (const header of recorded) expect(b.hear(header, 5000).word).toBe('unknown-nonce');
});

test('another process with the id is refused while the first one lives, and let in when it is silent', () => {
  const [first, twin, peer] = [new End(0xa1n), new End(0xa2n), new End(0xbbn)];
  meet(first, peer, 1000);
  expect(peer.hear(first.seal(), 1100).word).toBe('accepted');
  const shown = peer.hear(twin.seal('hello'), 1110).reply;
  if (shown !== undefined) twin.hear(shown, 1110);
  expect(peer.hear(twin.seal(), 1120).word).toBe('another-instance');
  expect(peer.hear(twin.seal(), 1399).word).toBe('another-instance');
  expect(peer.hear(twin.seal(), 1400).word).toBe('accepted');
  expect(peer.hear(first.seal(), 1401).word).toBe('unknown-nonce');
});

test('what is prepared for the guard may come twice and late, and dies with the session', () => {
  const [a, b] = [new End(0xaan), new End(0xbbn)];
  expect(sealPrepared(a.session)).toBeUndefined();
  meet(a, b);
  const prepared = sealPrepared(a.session);
  if (prepared === undefined) throw new Error('Cannot prepare');
  for (let count = 0; count < 40; count += 1) b.hear(a.seal());
  expect(b.hear(prepared, 10_000).word).toBe('accepted');
  expect(b.hear(prepared, 20_000).word).toBe('accepted');
  expect(new End(0xb2n).hear(prepared).word).toBe('unknown-nonce');
});

test('our own datagram that came back is told apart from a twin', () => {
  const a = new End(0xaan);
  expect(a.hear(a.seal()).word).toBe('own');
});

test('two processes that share an id cannot make a peer greet faster than it may', () => {
  const [first, twin, peer] = [new End(0xa1n), new End(0xa2n), new End(0xbbn)];
  const replies = [0, 1, 2, 9].map((now) =>
    peer.hear(now % 2 === 0 ? first.seal('hello') : twin.seal('hello'), now),
  );
  expect(replies.filter(({ reply }) => reply !== undefined)).toHaveLength(1);
});
