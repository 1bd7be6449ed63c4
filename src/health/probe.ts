/** One probe of one backend, from the first packet to the last. */
import http from 'node:http';
import net from 'node:net';
import tls from 'node:tls';
import { formatEndpoint, type IpAddress } from '../core/address/ip.ts';
import {
  type Check,
  type Finding,
  formatExpected,
  type HttpCheck,
  type HttpsCheck,
  isExpected,
} from '../core/health/check.ts';
import { findingOf, notToBeProbed } from './reasons.ts';

/** Where a probe goes. */
export interface ProbeTarget {
  readonly address: IpAddress;
  readonly port: number;
}

/** An answer that is longer has said enough; kubelet reads 10 KiB. */
const MAX_BODY_BYTES = 64 * 1024;

const ACCEPTED: Finding = { verdict: 'passed', reason: 'accepted a connection' };
const STOPPED: Finding = { verdict: 'inconclusive', reason: 'the probe was stopped' };
const CLOSED: Finding = { verdict: 'failed', reason: 'closed the connection without an answer' };

/**
 * Asks a backend once. Never rejects: whatever goes wrong is a finding. When it resolves, after
 * `check.timeoutMs` at the latest and soon after `signal` is aborted, its socket is closed.
 */
export function probe(check: Check, target: ProbeTarget, signal: AbortSignal): Promise<Finding> {
  if (signal.aborted) return Promise.resolve(STOPPED);
  return new Promise((resolve) => {
    try {
      const attempt = new Attempt(check, connect(check, target), signal, resolve);
      if (check.kind === 'tcp') attempt.wantConnection();
      else attempt.ask(check, target);
    } catch (err) {
      // An option that Node refuses: a path with a space, a CA that is none.
      resolve(notToBeProbed(err));
    }
  });
}

/** One conversation: the first finding counts, and ends it. */
class Attempt {
  readonly #check: Check;
  readonly #socket: net.Socket;
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  /** What is being waited for. */
  #awaited = 'connection';
  #finding: Finding | undefined;

  constructor(
    check: Check,
    socket: net.Socket,
    signal: AbortSignal,
    ended: (finding: Finding) => void,
  ) {
    this.#check = check;
    this.#socket = socket;
    this.#signal = signal;
    // After a pause of this process timers run before sockets are read: what has arrived by then
    // is read first, or the backend would be blamed for our own sleep.
    this.#timer = setTimeout(() => setImmediate(this.#giveUp), check.timeoutMs);
    signal.addEventListener('abort', this.#stop, { once: true });
    socket.on('error', this.fail);
    socket.once('connect', () => {
      this.#awaited = check.kind === 'https' ? 'TLS handshake' : 'answer';
    });
    socket.once('secureConnect', () => {
      this.#awaited = 'answer';
    });
    // An answer that came with the end of the connection is told one turn after it.
    socket.once('close', () => setImmediate(() => ended(this.#settle(CLOSED))));
  }

  readonly #stop = (): void => {
    this.#settle(STOPPED);
  };

  readonly #giveUp = (): void => {
    const reason = `no ${this.#awaited} within ${this.#check.timeoutMs} ms`;
    this.#settle({ verdict: 'failed', reason });
  };

  /** To be told of everything that is emitted as `error`. */
  readonly fail = (err: unknown): void => {
    this.#settle(findingOf(err));
  };

  /**
   * A connection is all that is wanted. It is reset, as HAProxy does: then neither side keeps
   * anything of it, while a close would leave this machine one socket in TIME_WAIT for a minute
   * for every probe.
   */
  wantConnection(): void {
    this.#socket.once('connect', () => {
      this.#settle(ACCEPTED, () => this.#socket.resetAndDestroy());
    });
  }

  ask(check: HttpCheck | HttpsCheck, target: ProbeTarget): void {
    try {
      const request = http.request({
        createConnection: () => this.#socket,
        method: check.method,
        path: check.path,
        setHost: false,
        headers: {
          host: check.host ?? formatEndpoint(target.address, target.port),
          'user-agent': 'fairlead',
          accept: '*/*',
        },
      });
      request.on('error', this.fail);
      request.on('response', (response) => this.#read(check, response));
      request.end();
    } catch (err) {
      this.#settle(notToBeProbed(err));
    }
  }

  #read({ expect }: HttpCheck | HttpsCheck, response: http.IncomingMessage): void {
    const status = response.statusCode ?? 0;
    const answered = `answered ${status}`;
    response.on('error', () => {
      this.#settle({ verdict: 'failed', reason: `${answered}, and broke off` });
    });
    if (!isExpected(status, expect)) {
      const reason = `${answered}, expected ${formatExpected(expect)}`;
      this.#settle({ verdict: 'failed', reason });
      return;
    }
    this.#awaited = 'end of the answer';
    const pass = (): void => {
      this.#settle({ verdict: 'passed', reason: answered });
    };
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) pass();
    });
    response.on('end', pass);
  }

  #settle(finding: Finding, end = () => this.#socket.destroy()): Finding {
    if (this.#finding !== undefined) return this.#finding;
    this.#finding = finding;
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#stop);
    end();
    return finding;
  }
}

function connect(check: Check, { address, port }: ProbeTarget): net.Socket {
  const place = { host: address, port };
  if (check.kind !== 'https') return net.connect(place);
  const name = check.serverName ?? hostName(check.host);
  return tls.connect({
    ...place,
    secureContext: secureContextOf(check),
    rejectUnauthorized: !check.insecure,
    // RFC 6066 §3 has no addresses in it; a certificate may be for one.
    ...(name !== undefined && net.isIP(name) === 0 && { servername: name }),
    checkServerIdentity: (_host, certificate) =>
      tls.checkServerIdentity(name ?? address, certificate),
  });
}

/** The host of a Host header, without its port. */
function hostName(host: string | undefined): string | undefined {
  return host?.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
}

const CONTEXTS = new WeakMap<HttpsCheck, tls.SecureContext>();

/** Reading certificates takes longer than a probe, so that each check has it done once. */
function secureContextOf(check: HttpsCheck): tls.SecureContext {
  const known = CONTEXTS.get(check);
  if (known !== undefined) return known;
  // Who takes any certificate needs none to compare it with; without a list Node reads its own.
  const ca = check.insecure ? [] : check.ca;
  const context = tls.createSecureContext(ca === undefined ? {} : { ca });
  CONTEXTS.set(check, context);
  return context;
}
