/**
 * The bytes before a message: all of them authenticated, none of them secret. After them come the
 * message (none in a hello) and the code of their authentication, which the transport appends.
 */
import type { HeaderKind, SessionHeader } from './channel.ts';

/** The head of every datagram. Ids stand as their `fingerprint`, so that it has one length. */
export interface Envelope extends SessionHeader {
  /** Which key authenticates it: several are valid while keys are changed. 0 without a key. */
  readonly keyId: number;
  /** `fingerprint` of the cluster's id. */
  readonly cluster: bigint;
  readonly from: bigint;
  readonly to: bigint;
}

const MAGIC = 0x464c5244; // 'FLRD'
const FORMAT = 1;
const KINDS = ['message', 'hello', 'prepared'] as const satisfies readonly HeaderKind[];

export const ENVELOPE_BYTES = 72;

/*
 *  0        4        5      6        8         12          16        24      32
 *  | 'FLRD' | format | kind | 0      | key id  | 0         | cluster | from  |
 * 32        40         48       56       64         72
 *  | to     | instance | nonce  | echo   | sequence | message …
 *
 * All numbers are big-endian.
 */

/** The bytes of an envelope. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const bytes = new Uint8Array(ENVELOPE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint8(4, FORMAT);
  view.setUint8(5, KINDS.indexOf(envelope.kind));
  view.setUint32(8, envelope.keyId);
  view.setBigUint64(16, envelope.cluster);
  view.setBigUint64(24, envelope.from);
  view.setBigUint64(32, envelope.to);
  view.setBigUint64(40, envelope.instance);
  view.setBigUint64(48, envelope.nonce);
  view.setBigUint64(56, envelope.echo);
  view.setBigUint64(64, BigInt(envelope.sequence));
  return bytes;
}

/** The envelope that `datagram` begins with, or undefined when it is none. Never throws. */
export function decodeEnvelope(datagram: Uint8Array): Envelope | undefined {
  if (datagram.length < ENVELOPE_BYTES) return undefined;
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const kind = KINDS[view.getUint8(5)];
  if (view.getUint32(0) !== MAGIC || view.getUint8(4) !== FORMAT || kind === undefined) {
    return undefined;
  }
  const sequence = Number(view.getBigUint64(64));
  if (!Number.isSafeInteger(sequence)) return undefined;
  return {
    kind,
    keyId: view.getUint32(8),
    cluster: view.getBigUint64(16),
    from: view.getBigUint64(24),
    to: view.getBigUint64(32),
    instance: view.getBigUint64(40),
    nonce: view.getBigUint64(48),
    echo: view.getBigUint64(56),
    sequence,
  };
}
