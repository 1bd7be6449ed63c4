/** How a backend is asked whether it is well, and what comes of asking once. */

/** Inclusive at both ends. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

interface Timed {
  /** For the whole probe, from the first packet to the last byte. At most the interval. */
  readonly timeoutMs: number;
}

/** Passes when the backend accepts a connection. */
export interface TcpCheck extends Timed {
  readonly kind: 'tcp';
}

interface Asked extends Timed {
  readonly method: string;
  /** Begins with a slash. */
  readonly path: string;
  /** The Host header; by default the backend's address and port. */
  readonly host?: string | undefined;
  /** The answers that pass. A redirect is not followed: it is an answer like any other. */
  readonly expect: readonly StatusRange[];
}

/** Passes when the answer's status is expected, and the answer ends in time. */
export interface HttpCheck extends Asked {
  readonly kind: 'http';
}

/** The same over TLS. */
export interface HttpsCheck extends Asked {
  readonly kind: 'https';
  /** Certificates in PEM that the backend's must be signed by; by default those Node.js trusts. */
  readonly ca?: string | undefined;
  /**
   * Takes any certificate. The answer may then be somebody else's: it says that something answers.
   */
  readonly insecure: boolean;
  /**
   * The name that is asked for (SNI, RFC 6066 §3) and that the certificate must be for. By default
   * the host of the Host header, where that is given, and otherwise the backend's address, which is
   * not asked for.
   */
  readonly serverName?: string | undefined;
}

export type Check = TcpCheck | HttpCheck | HttpsCheck;

const TIMEOUT_MS = 1000;

/** What applies where nothing else is said. */
export const TCP_CHECK: TcpCheck = { kind: 'tcp', timeoutMs: TIMEOUT_MS };

/** What applies where nothing else is said; the statuses are those of Kubernetes' httpGet. */
export const HTTP_CHECK: HttpCheck = {
  kind: 'http',
  timeoutMs: TIMEOUT_MS,
  method: 'GET',
  path: '/',
  expect: [{ from: 200, to: 399 }],
};

/** What applies where nothing else is said. */
export const HTTPS_CHECK: HttpsCheck = { ...HTTP_CHECK, kind: 'https', insecure: false };

/** What one probe found. */
export interface Finding {
  /**
   * `inconclusive`: it tells nothing of the backend, as when this machine has no descriptor left.
   * All backends would be found dead at once.
   */
  readonly verdict: 'passed' | 'failed' | 'inconclusive';
  /** In words, after the backend's name: `connection refused`, `answered 200`. */
  readonly reason: string;
}

export function isExpected(status: number, expect: readonly StatusRange[]): boolean {
  return expect.some(({ from, to }) => from <= status && status <= to);
}

/** `200 to 399`, `200`, `200 to 299 or 401`. */
export function formatExpected(expect: readonly StatusRange[]): string {
  return expect.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`)).join(' or ');
}

/**
 * Whether two checks ask the same. What was written in another order is another check: it costs a
 * probe.
 */
export function isSameCheck(one: Check, other: Check): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
