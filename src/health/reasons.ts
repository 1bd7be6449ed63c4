/** What an error of a probe says of the backend, in words. */
import { errorCode } from '../core/errors.ts';
import type { Finding } from '../core/health/check.ts';

/** What this machine has run out of, which is no backend's fault. */
const OUR_FAULT = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL']);

const WORDS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ECONNRESET', 'connection reset'],
  ['EPIPE', 'connection reset'],
  ['EHOSTUNREACH', 'no route to it'],
  ['ENETUNREACH', 'no route to it'],
  ['ETIMEDOUT', 'connection timed out'],
  ['CERT_HAS_EXPIRED', 'its certificate has expired'],
  ['CERT_NOT_YET_VALID', 'its certificate is not valid yet'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'its certificate is signed by itself, not by the CA'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'its certificate is signed by another CA'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'its certificate is signed by another CA'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'its certificate is signed by another CA'],
]);

/** What an error says that the socket or the request told of. */
export function findingOf(err: unknown): Finding {
  const code = errorCode(err);
  if (OUR_FAULT.has(code)) return notToBeProbed(err);
  return { verdict: 'failed', reason: reasonOf(err, code) };
}

/** Nothing was asked: the reason lies with us or with what was configured. */
export function notToBeProbed(err: unknown): Finding {
  return { verdict: 'inconclusive', reason: `cannot be probed: ${whatOf(err)}` };
}

function reasonOf(err: unknown, code: string): string {
  // Node's words for an end of the connection before an answer; its code is that of a reset.
  if (err instanceof Error && err.message === 'socket hang up') {
    return 'closed the connection without an answer';
  }
  if (code.startsWith('HPE_')) return `its answer is not HTTP (${code})`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `its certificate is not for "${textOf(err, 'host') ?? ''}"`;
  }
  return WORDS.get(code) ?? `the probe failed: ${whatOf(err)}`;
}

/** OpenSSL's reason, an errno name or another code, or the message: the shortest there is. */
function whatOf(err: unknown): string {
  const code = errorCode(err);
  const fallback = code === 'unknown' ? String(err) : code;
  return textOf(err, 'reason') ?? /:SSL routines:[^:]*:([^:]+)/.exec(String(err))?.[1] ?? fallback;
}

function textOf(err: unknown, field: 'host' | 'reason'): string | undefined {
  if (typeof err !== 'object' || err === null) return undefined;
  const value: unknown = Reflect.get(err, field);
  return typeof value === 'string' ? value : undefined;
}
