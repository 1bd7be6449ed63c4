/**
 * The frames between the daemon and its guard, as native/guard/protocol.h lays them out: a header
 * and fixed records, in the byte order of the machine. Every machine that we build for is
 * little-endian.
 */

import type { IpAddress } from '../core/address/ip.ts';
import { ipBytes, ipFamily } from '../core/address/ip.ts';
import { invariant } from '../core/invariant.ts';
import type { LinkAddress } from '../core/plan/state.ts';
import type { Instant } from '../core/time.ts';

/** A message that the guard sends in the daemon's name, once nothing is served here any more. */
export interface ResignationDatagram {
  readonly address: IpAddress;
  readonly port: number;
  /** At most {@link MAX_DATAGRAM_BYTES}. */
  readonly payload: Uint8Array;
}

/** What the guard did when the deadline had passed. */
export interface GuardFired {
  /** Addresses that are gone for sure. */
  readonly deleted: number;
  /** Addresses that the kernel did not delete; then no resignation was sent. */
  readonly failed: number;
  /** The errno of the first of those, else 0. */
  readonly errno: number;
  readonly datagramsSent: number;
  readonly firedAt: Instant;
  /** When the kernel had confirmed the last deletion. */
  readonly confirmedAt: Instant;
}

export type GuardFrame =
  | { readonly kind: 'ready'; readonly memoryLocked: boolean }
  | { readonly kind: 'answer'; readonly number: number; readonly errno: number }
  | { readonly kind: 'fired'; readonly fired: GuardFired }
  | { readonly kind: 'failed'; readonly errno: number; readonly syscall: string };

export const MAX_DATAGRAM_BYTES = 1024;

const MAGIC = 0xfa1e;
const HEADER_BYTES = 12;
const RECORD_BYTES = 24;
const AF_INET = 2;
const AF_INET6 = 10;

const COMMANDS = { 'set-addresses': 1, 'set-resignation': 2, ping: 3, 'set-gate': 4 } as const;
export type GuardCommand = keyof typeof COMMANDS;

const READY = 16;
const ANSWER = 17;
const FIRED = 18;
const FAILED = 19;

export function encodeCommand(command: GuardCommand, number: number, body: Uint8Array): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + body.length);
  frame.writeUInt32LE(frame.length, 0);
  frame.writeUInt16LE(MAGIC, 4);
  frame.writeUInt16LE(COMMANDS[command], 6);
  frame.writeUInt32LE(number, 8);
  frame.set(body, HEADER_BYTES);
  return frame;
}

/** The body of `set-addresses`. */
export function encodeAddresses(addresses: readonly LinkAddress[]): Buffer {
  const body = Buffer.alloc(addresses.length * RECORD_BYTES);
  for (const [index, { linkIndex, address, prefixLength }] of addresses.entries()) {
    const at = index * RECORD_BYTES;
    body.writeUInt32LE(linkIndex, at);
    body.writeUInt8(familyOf(address), at + 4);
    body.writeUInt8(prefixLength, at + 5);
    body.set(ipBytes(address), at + 8);
  }
  return body;
}

/** The body of `set-gate`. */
export function encodeGate(closeMark: number | undefined): Buffer {
  if (closeMark === undefined) return Buffer.alloc(0);
  const body = Buffer.alloc(4);
  body.writeUInt32LE(closeMark, 0);
  return body;
}

/** The body of `set-resignation`. */
export function encodeResignation(datagrams: readonly ResignationDatagram[]): Buffer {
  return Buffer.concat(
    datagrams.flatMap(({ address, port, payload }) => {
      invariant(payload.length <= MAX_DATAGRAM_BYTES, 'a resignation fits into one record');
      const record = Buffer.alloc(RECORD_BYTES);
      record.writeUInt16LE(payload.length, 0);
      record.writeUInt16LE(port, 2);
      record.writeUInt8(familyOf(address), 4);
      record.set(ipBytes(address), 8);
      return [record, payload];
    }),
  );
}

function familyOf(address: IpAddress): number {
  return ipFamily(address) === 'ipv4' ? AF_INET : AF_INET6;
}

/** Cuts what arrives from the guard into frames; a frame may arrive in pieces. */
export class GuardFrameReader {
  #pending: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): readonly GuardFrame[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const frames: GuardFrame[] = [];
    while (this.#pending.length >= HEADER_BYTES) {
      const length = this.#pending.readUInt32LE(0);
      if (this.#pending.length < length) break;
      frames.push(decodeFrame(this.#pending.subarray(0, length)));
      this.#pending = this.#pending.subarray(length);
    }
    return frames;
  }
}

function decodeFrame(frame: Buffer): GuardFrame {
  const body = frame.subarray(HEADER_BYTES);
  const kind = frame.readUInt16LE(6);
  switch (kind) {
    case READY:
      return { kind: 'ready', memoryLocked: body.readUInt32LE(8) !== 0 };
    case ANSWER:
      return { kind: 'answer', number: frame.readUInt32LE(8), errno: body.readUInt32LE(0) };
    case FIRED:
      return { kind: 'fired', fired: decodeFired(body) };
    case FAILED:
      return { kind: 'failed', errno: body.readUInt32LE(0), syscall: textOf(body.subarray(4)) };
    default:
      throw new RangeError(`The guard speaks of ${kind}: it is not of this version`);
  }
}

function decodeFired(body: Buffer): GuardFired {
  return {
    deleted: body.readUInt32LE(0),
    failed: body.readUInt32LE(4),
    errno: body.readUInt32LE(8),
    datagramsSent: body.readUInt32LE(12),
    firedAt: toInstant(body.readBigUInt64LE(16)),
    confirmedAt: toInstant(body.readBigUInt64LE(24)),
  };
}

function toInstant(ns: bigint): Instant {
  return Number(ns) / 1e6;
}

function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end < 0 ? bytes.length : end);
}
