import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeEnvelope,
  ENVELOPE_BYTES,
  type Envelope,
  encodeEnvelope,
} from '../../../../src/core/election/raft/envelope.ts';
import { fingerprint, listFingerprint } from '../../../../src/core/election/raft/fingerprint.ts';
import {
  decodeMessage,
  encodeMessage,
  MESSAGE_BYTES,
  type Message,
} from '../../../../src/core/election/raft/message.ts';

const VOTERS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

const bits64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const base = { list: bits64, term: fc.maxSafeNat() };
const milliseconds = fc.nat({ max: 0xffff_ffff });
const byte = fc.nat({ max: 255 });
const voter = fc.constantFrom(...VOTERS);
const promise = fc.record({
  instance: bits64.filter((bits) => bits !== 0n),
  at: fc.maxSafeNat(),
  holdMs: milliseconds,
});
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    kind: fc.constant('heartbeat'),
    ...base,
    sequence: fc.maxSafeNat(),
    holdMs: milliseconds,
    rank: byte,
  }),
  fc.record({
    kind: fc.constant('heartbeat-ack'),
    ...base,
    sequence: fc.maxSafeNat(),
    eligible: fc.boolean(),
    priority: byte,
    at: fc.maxSafeNat(),
  }),
  fc.record({ kind: fc.constant('pre-vote-request'), ...base, holdMs: milliseconds }),
  fc.record({
    kind: fc.constant('vote-request'),
    ...base,
    holdMs: milliseconds,
    release: fc.option(fc.record({ leader: voter, instance: bits64 }), { nil: undefined }),
  }),
  fc.record({ kind: fc.constantFrom('pre-vote', 'vote'), ...base, granted: fc.boolean() }),
  fc.record({
    kind: fc.constant('resignation'),
    ...base,
    target: fc.option(voter, { nil: undefined }),
    promise: fc.option(promise, { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('stale-term'), ...base }),
);

test('decodeMessage() gives back what encodeMessage() was given', () => {
  fc.assert(
    fc.property(message, (sent) => {
      expect(decodeMessage(encodeMessage(sent, VOTERS), VOTERS)).toEqual(sent);
    }),
  );
});

test('decodeMessage() answers any bytes with a message or undefined, and never throws', () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: MESSAGE_BYTES + 4 });
  const almost = fc
    .tuple(message, fc.nat({ max: MESSAGE_BYTES - 1 }), byte)
    .map(([sent, place, value]) => encodeMessage(sent, VOTERS).with(place, value));
  fc.assert(
    fc.property(fc.oneof(bytes, almost), fc.nat({ max: 7 }), (received, voters) => {
      const found = decodeMessage(received, VOTERS.slice(0, voters));
      if (found !== undefined) expect(received).toHaveLength(MESSAGE_BYTES);
    }),
  );
});

test('decodeMessage() reads a message out of the middle of a larger buffer', () => {
  const sent: Message = { kind: 'stale-term', list: 7n, term: 9 };
  const buffer = new Uint8Array(100);
  buffer.set(encodeMessage(sent, VOTERS), 11);
  expect(decodeMessage(buffer.subarray(11, 11 + MESSAGE_BYTES), VOTERS)).toEqual(sent);
});

const envelope: fc.Arbitrary<Envelope> = fc.record({
  kind: fc.constantFrom('message', 'hello', 'prepared'),
  keyId: fc.nat({ max: 0xffff_ffff }),
  cluster: bits64,
  from: bits64,
  to: bits64,
  instance: bits64,
  nonce: bits64,
  echo: bits64,
  sequence: fc.maxSafeNat(),
});

test('decodeEnvelope() gives back what encodeEnvelope() was given, whatever follows it', () => {
  fc.assert(
    fc.property(envelope, fc.uint8Array(), (sent, rest) => {
      const datagram = new Uint8Array([...encodeEnvelope(sent), ...rest]);
      expect(decodeEnvelope(datagram)).toEqual(sent);
    }),
  );
});

test('decodeEnvelope() answers any bytes with an envelope or undefined, and never throws', () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: ENVELOPE_BYTES + 4 });
  const almost = fc
    .tuple(envelope, fc.nat({ max: ENVELOPE_BYTES - 1 }), byte)
    .map(([sent, place, value]) => encodeEnvelope(sent).with(place, value));
  fc.assert(
    fc.property(fc.oneof(bytes, almost), (received) => {
      const found = decodeEnvelope(received);
      if (found !== undefined) expect(received.length).toBeGreaterThanOrEqual(ENVELOPE_BYTES);
    }),
  );
});

test('fingerprint() is FNV-1a of 64 bits', () => {
  // The digests of the bytes "a\0" and of nothing (draft-eastlake-fnv, appendix).
  expect(fingerprint('').toString(16)).toBe('cbf29ce484222325');
  expect(fingerprint('a').toString(16)).toBe('89be207b544f1e4'.padStart(15, '0'));
});

test('listFingerprint() tells lists and clusters apart, and not the order of a list', () => {
  const list = listFingerprint('demo', ['a', 'b', 'c']);
  expect(listFingerprint('demo', ['c', 'a', 'b'])).toBe(list);
  expect(listFingerprint('demo', ['a', 'b', 'd'])).not.toBe(list);
  expect(listFingerprint('demo', ['a', 'b'])).not.toBe(list);
  expect(listFingerprint('other', ['a', 'b', 'c'])).not.toBe(list);
  expect(listFingerprint('demo', ['ab', 'c'])).not.toBe(listFingerprint('demo', ['a', 'bc']));
});
