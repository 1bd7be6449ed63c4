/** What one turn does with a proxy. */
export interface Workload {
  readonly name: string;
  /** Of the load generator; see load.cc. */
  readonly mode: 'up' | 'down' | 'rr' | 'cps' | 'hold' | 'stall';
  readonly connections: number;
  /** Of a request, and of its answer. */
  readonly bytes: number;
  readonly goals: readonly Goal[];
  /** The client is 40 ms away, there and back. */
  readonly far?: true;
  /** Only fairlead has a turn. */
  readonly alone?: true;
}

/**
 * What a row is judged by: `ratio` is ours by the peer's in the same round, and at most the goal;
 * for rates it is at least.
 */
export interface Goal {
  readonly metric: Metric;
  /** Who is judged; by default fairlead as it comes. */
  readonly of?: typeof BUSY_POLLING;
  /**
   * Its name; `best`: whoever is ahead of the others in that round; `direct`: no proxy at all;
   * `nobody`: what is measured is judged as it is.
   */
  readonly peer: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

/**
 * `cost`: processor time of the proxy, in µs a request or connection, in ms a GiB; `rate`:
 * requests or connections a second, Gbit/s; `p50`: µs; `own` and `kernel`: bytes a pair of
 * connections, of the processes alone and of the whole control group; `held`: MB a connection.
 */
export type Metric = 'cost' | 'rate' | 'p50' | 'own' | 'kernel' | 'held';

/** Our name with the option of that name set. */
export const BUSY_POLLING = 'fairlead, busyPollUs 50';

const BULK: readonly Goal[] = [
  { metric: 'cost', peer: 'go', atMost: 0.9 },
  { metric: 'cost', peer: 'haproxy, forced splice', atMost: 0.55 },
  { metric: 'cost', peer: 'haproxy', atMost: 0.15 },
  { metric: 'rate', peer: 'best', atLeast: 1 },
];
const BULK_OF_MANY: readonly Goal[] = [...BULK, { metric: 'rate', peer: 'direct', atLeast: 0.9 }];
const BULK_FROM_AFAR: readonly Goal[] = [{ metric: 'rate', peer: 'haproxy', atLeast: 0.9 }];
const REQUESTS: readonly Goal[] = [
  { metric: 'cost', peer: 'haproxy', atMost: 0.72 },
  { metric: 'cost', peer: 'nginx', atMost: 0.85 },
  { metric: 'rate', peer: 'best', atLeast: 1 },
];
const ONE: readonly Goal[] = [
  { metric: 'p50', peer: 'best', atMost: 1 },
  { metric: 'p50', of: BUSY_POLLING, peer: 'haproxy', atMost: 0.55 },
];
const CONNECTS: readonly Goal[] = [
  { metric: 'cost', peer: 'haproxy', atMost: 0.75 },
  { metric: 'cost', peer: 'nginx', atMost: 0.75 },
  { metric: 'rate', peer: 'best', atLeast: 1 },
];
const MEMORY: readonly Goal[] = [
  { metric: 'own', peer: 'haproxy', atMost: 0.65 },
  { metric: 'kernel', peer: 'haproxy', atMost: 0.65 },
];
/** In MB: two receive buffers, a send buffer and a pipe. */
const HELD: readonly Goal[] = [{ metric: 'held', peer: 'nobody', atMost: 2.6 }];

function bulk(mode: 'up' | 'down', connections: number): Workload {
  const goals = connections < 4 ? BULK : BULK_OF_MANY;
  return { name: `bulk ${mode}, ${connections}`, mode, connections, bytes: 0, goals };
}

function bulkFromAfar(mode: 'up' | 'down'): Workload {
  const name = `bulk ${mode}, 4, 40 ms away`;
  return { name, mode, connections: 4, bytes: 0, goals: BULK_FROM_AFAR, far: true };
}

function requests(bytes: number, connections: number): Workload {
  const goals = connections === 1 ? ONE : REQUESTS;
  const name = `${bytes} B request and answer, ${connections}`;
  return { name, mode: 'rr', connections, bytes, goals };
}

/**
 * Two sockets each, of 20,000 that a process may have open on many machines. (HAProxy wants a
 * quarter more.)
 */
export const MANY = 9900;

export const WORKLOADS: readonly Workload[] = [
  ...[1, 4, 32].flatMap((connections) => [bulk('up', connections), bulk('down', connections)]),
  bulkFromAfar('up'),
  bulkFromAfar('down'),
  requests(64, 1),
  requests(64, 64),
  requests(64, 100),
  requests(64, 1000),
  { ...requests(64, MANY), goals: [], alone: true },
  requests(1024, 1),
  requests(1024, 64),
  requests(1024, 1000),
  { name: 'connect, 64 B, close', mode: 'cps', connections: 32, bytes: 64, goals: CONNECTS },
  { name: '3,000 idle', mode: 'hold', connections: 3000, bytes: 0, goals: MEMORY },
  { name: '3,000 active', mode: 'hold', connections: 3000, bytes: 1024, goals: MEMORY },
  { name: '100 readers that stall', mode: 'stall', connections: 100, bytes: 0, goals: HELD },
];
