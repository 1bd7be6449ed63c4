import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Instant } from '../../core/time.ts';
import type { Probe, Request } from '../probes.ts';

export interface ClientOptions {
  readonly vip: string;
  readonly probePort: number;
  readonly requestPort: number;
  readonly probeIntervalMs: number;
  /** 0: no requests. */
  readonly requestIntervalMs: number;
}

/** What became known since the last report. */
export interface ClientReport {
  readonly kind: 'client-report';
  readonly probes: readonly Probe[];
  readonly requests: readonly Request[];
  /** The fate of everything that began before this is known. */
  readonly settledUntil: Instant;
}

/** Probes and requests without an answer for so long are given up. */
const GIVE_UP_MS = 1000;
const REPORT_INTERVAL_MS = 50;

/**
 * Asks the VIP without pause: a UDP probe every `probeIntervalMs`, which the node that has the
 * address answers, and a TCP connection through the balancer every `requestIntervalMs`, which a
 * backend does.
 */
export function runClient(
  options: ClientOptions,
  clock: () => Instant,
  report: (report: ClientReport) => void,
): void {
  const probes = startProbes(options, clock);
  const requests = options.requestIntervalMs > 0 ? startRequests(options, clock) : undefined;
  setInterval(() => {
    const now = clock();
    const probed = probes.take(now);
    const requested = requests?.take(now);
    report({
      kind: 'client-report',
      probes: probed.settled,
      requests: requested?.settled ?? [],
      settledUntil: Math.min(probed.until, requested?.until ?? now),
    });
  }, REPORT_INTERVAL_MS);
}

/** What is settled since the last time, and the instant before which nothing is open. */
interface Settled<T> {
  readonly settled: readonly T[];
  readonly until: Instant;
}

interface Asking<T> {
  take(now: Instant): Settled<T>;
}

function startProbes(options: ClientOptions, clock: () => Instant): Asking<Probe> {
  const socket = createSocket(isIPv6(options.vip) ? 'udp6' : 'udp4');
  const open = new Map<number, Instant>();
  let settled: Probe[] = [];
  let sequence = 0;
  // A refused or unroutable probe is a lost one; the answer that does not come says so.
  socket.on('error', () => {});
  socket.on('message', (message) => {
    const [number, node] = message.toString('latin1').split(' ');
    const sentAt = open.get(Number(number));
    if (sentAt === undefined || node === undefined) return;
    open.delete(Number(number));
    settled.push({ sentAt, answer: { at: clock(), node } });
  });
  socket.connect(options.probePort, options.vip, () => {
    setInterval(() => {
      sequence += 1;
      open.set(sequence, clock());
      socket.send(String(sequence), () => {});
    }, options.probeIntervalMs);
  });
  return {
    take: (now) => {
      for (const [number, sentAt] of open) {
        if (now - sentAt < GIVE_UP_MS) break;
        open.delete(number);
        settled.push({ sentAt });
      }
      const taken = settled;
      settled = [];
      return { settled: taken, until: open.values().next().value ?? now };
    },
  };
}

function startRequests(options: ClientOptions, clock: () => Instant): Asking<Request> {
  const open = new Set<Instant>();
  let settled: Request[] = [];
  setInterval(() => {
    const startedAt = clock();
    open.add(startedAt);
    askBackend(options, (result) => {
      open.delete(startedAt);
      settled.push({ startedAt, endedAt: clock(), ...result });
    });
  }, options.requestIntervalMs);
  return {
    take: (now) => {
      const taken = settled;
      settled = [];
      return { settled: taken, until: open.values().next().value ?? now };
    },
  };
}

/** Connects to the VIP and waits for a backend's name. Calls back once, within GIVE_UP_MS. */
function askBackend(
  { vip, requestPort }: ClientOptions,
  done: (result: { backend: string } | { failure: string }) => void,
): void {
  const socket = connect({ host: vip, port: requestPort });
  let answer = '';
  let failure = 'no-answer';
  const timer = setTimeout(() => {
    failure = 'timeout';
    socket.destroy();
  }, GIVE_UP_MS);
  socket.setEncoding('latin1');
  socket.on('connect', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
  socket.on('data', (chunk: string) => {
    answer += chunk;
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    failure = error.code ?? 'error';
  });
  socket.on('close', () => {
    clearTimeout(timer);
    const backend = /\r\n\r\n(\S+)\n$/.exec(answer)?.[1];
    done(backend === undefined ? { failure } : { backend });
  });
}
