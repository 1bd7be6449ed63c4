/**
 * The bytes on the wire: envelope, message, and the code that authenticates both.
 *
 * The code is HMAC-SHA256 under a key of this cluster alone, derived from the secret of the key
 * file (HKDF, RFC 5869), whole: a datagram is far from any limit, so nothing is gained by cutting
 * it. It covers who speaks to whom, so a datagram is of no use to anybody but its addressee.
 */
import {
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
import {
  decodeEnvelope,
  ENVELOPE_BYTES,
  type Envelope,
  encodeEnvelope,
} from '../core/election/raft/envelope.ts';
import { MESSAGE_BYTES } from '../core/election/raft/message.ts';
import type { Keyring, PeerKey } from './keys.ts';

const CODE_BYTES = 32;
const HELLO_BYTES = ENVELOPE_BYTES + CODE_BYTES;
const FULL_BYTES = ENVELOPE_BYTES + MESSAGE_BYTES + CODE_BYTES;

/** A key of the ring, bound to one cluster; the first of a list signs. */
export interface SigningKey {
  readonly id: number;
  readonly key: KeyObject;
}

export type DatagramFault =
  | 'too-short'
  | 'too-long'
  /** Another program's, or another version's. */
  | 'other-format'
  | 'other-cluster'
  /** Signed with a key that this node does not have. */
  | 'unknown-key'
  /** Damaged, forged, or signed with another key under the same id. */
  | 'bad-code';

export type OpenedDatagram =
  | {
      readonly kind: 'opened';
      readonly envelope: Envelope;
      /** Empty in a hello. */
      readonly message: Uint8Array;
    }
  | { readonly kind: 'faulty'; readonly fault: DatagramFault };

/**
 * The keys as this cluster uses them: those of another cluster differ although the file is the
 * same.
 */
export function deriveSigningKeys(
  keys: Keyring,
  clusterId: string,
): readonly [SigningKey, ...SigningKey[]] {
  const derive = ({ id, secret }: PeerKey): SigningKey => {
    const derived = hkdfSync('sha256', secret, 'fairlead peer datagrams', clusterId, CODE_BYTES);
    return { id, key: createSecretKey(new Uint8Array(derived)) };
  };
  const [first, ...others] = keys;
  return [derive(first), ...others.map(derive)];
}

/** The datagram for an envelope (whose `keyId` is that of `key`) and an encoded message, if any. */
export function sealDatagram(envelope: Envelope, message: Uint8Array, key: SigningKey): Buffer {
  const head = encodeEnvelope(envelope);
  return Buffer.concat([head, message, codeOf(head, message, key)]);
}

/** Takes a datagram apart, if it is authentic and of this cluster. Never throws. */
export function openDatagram(
  datagram: Buffer,
  cluster: bigint,
  keys: readonly SigningKey[],
): OpenedDatagram {
  if (datagram.length < HELLO_BYTES) return faulty('too-short');
  if (datagram.length > FULL_BYTES) return faulty('too-long');
  const envelope = decodeEnvelope(datagram);
  const length = envelope?.kind === 'hello' ? HELLO_BYTES : FULL_BYTES;
  if (envelope === undefined || datagram.length !== length) return faulty('other-format');
  if (envelope.cluster !== cluster) return faulty('other-cluster');
  const key = keys.find(({ id }) => id === envelope.keyId);
  if (key === undefined) return faulty('unknown-key');
  const message = datagram.subarray(ENVELOPE_BYTES, length - CODE_BYTES);
  const code = codeOf(datagram.subarray(0, ENVELOPE_BYTES), message, key);
  return timingSafeEqual(code, datagram.subarray(length - CODE_BYTES))
    ? { kind: 'opened', envelope, message }
    : faulty('bad-code');
}

function codeOf(head: Uint8Array, message: Uint8Array, { key }: SigningKey): Buffer {
  return createHmac('sha256', key).update(head).update(message).digest();
}

function faulty(fault: DatagramFault): OpenedDatagram {
  return { kind: 'faulty', fault };
}
