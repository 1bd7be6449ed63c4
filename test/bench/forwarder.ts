// What the TCP forwarder costs and how fast it is, beside HAProxy, nginx and a proxy of Go's
// io.Copy: each between the same client and server, on one processor, in turn with the others.
// Exit code 1 when a turn failed. `npm run bench:forwarder [-- --rounds N --window MS
// --workloads 'bulk up, 4;64 B request and answer, 64' --peers haproxy,go --write]`
import { parseArgs } from 'node:util';
import { missingPrograms, OURS, OURS_BUSY, PEERS, type Proxy } from './forwarder/proxies.ts';
import { type Rows, tables, writeResults } from './forwarder/results.ts';
import { createStand, type Stand } from './forwarder/stand.ts';
import { type Lengths, type Measured, playTurn } from './forwarder/turn.ts';
import { MANY, WORKLOADS, type Workload } from './forwarder/workload.ts';
import { machineLine, median } from './rounds.ts';

/** The client asks the server itself. */
const DIRECT = 'direct';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    window: { type: 'string', default: '1500' },
    workloads: { type: 'string', default: WORKLOADS.map(({ name }) => name).join(';') },
    peers: { type: 'string', default: PEERS.map(({ name }) => name).join(';') },
    write: { type: 'boolean', default: false },
  },
});
const lengths: Lengths = { warmUpMs: 500, windowMs: Number(values.window) };
const workloads = chosen(WORKLOADS, values.workloads, 'workload');
const peers = chosen(PEERS, values.peers, 'peer');

function chosen<T extends { readonly name: string }>(
  all: readonly T[],
  names: string,
  what: string,
): readonly T[] {
  return names.split(';').flatMap((name) => {
    if (name === '') return [];
    const one = all.find((each) => each.name === name);
    if (one !== undefined) return [one];
    throw new Error(`No ${what} is called "${name}": ${all.map((each) => each.name).join('; ')}`);
  });
}

/** Who has a turn; undefined is nobody, and the client asks the server. */
function contenders(workload: Workload): readonly (Proxy | undefined)[] {
  if (workload.alone) return [OURS];
  const busy = workload.goals.some(({ of }) => of === OURS_BUSY.name) ? [OURS_BUSY] : [];
  const direct = workload.mode === 'hold' || workload.mode === 'cps' ? [] : [undefined];
  return [OURS, ...busy, ...peers, ...direct];
}

/** Everybody's turn, who begins changing from round to round. */
async function playRound(
  stand: Stand,
  workload: Workload,
  number: number,
): Promise<ReadonlyMap<string, Measured>> {
  const proxies = contenders(workload);
  const order = proxies.map((_, index) => proxies[(index + number) % proxies.length]);
  const round = new Map<string, Measured>();
  for (const proxy of order) {
    round.set(nameOf(proxy), await playTurn(stand, proxy, workload, lengths));
  }
  for (const [name, measured] of round) {
    const told = Object.entries(measured).map(([metric, value]) => `${metric} ${value.toFixed(2)}`);
    console.error(`${number + 1} ${workload.name}, ${name}: ${told.join(', ')}`);
  }
  return round;
}

function nameOf(proxy: Proxy | undefined): string {
  return proxy?.name ?? DIRECT;
}

/** A hundred times as many connections shall cost no more than half more a request. */
function growth(all: readonly Rows[]): string | undefined {
  const cost = (connections: number): number | undefined => {
    const rows = all.find(
      ({ workload }) =>
        workload.mode === 'rr' && workload.bytes === 64 && workload.connections === connections,
    );
    const costs = rows?.rounds.flatMap((round) => round.get(OURS.name)?.cost ?? []) ?? [];
    return costs.length === 0 ? undefined : median(costs);
  };
  const [few, many] = [cost(100), cost(MANY)];
  if (few === undefined || many === undefined) return undefined;
  return `CPU a request at 9,900 connections against 100: ${(many / few).toFixed(2)} (goal ≤ 1.5)`;
}

process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
const missing = missingPrograms();
if (missing.length > 0) throw new Error(`Not found: ${missing.join(', ')}; install them`);
const stand = await createStand();
const all: Rows[] = [];
try {
  for (const workload of workloads) {
    const rounds: ReadonlyMap<string, Measured>[] = [];
    for (let number = 0; number < Number(values.rounds); number += 1) {
      rounds.push(await playRound(stand, workload, number));
    }
    all.push({ workload, rounds });
  }
} finally {
  await stand.close();
  // What was measured until then is worth its minutes.
  if (all.length > 0) console.log(`${machineLine()}\n\n${tables(all)}\n\n${growth(all) ?? ''}`);
}
if (values.write) writeResults(all);
