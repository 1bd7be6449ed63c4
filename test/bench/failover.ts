// How long a VIP is not answered for when the node that holds it fails, in every way of the table,
// and whether two nodes ever serve it at once: real daemons in namespaces, three nodes on a bridge,
// a client that asks every millisecond, and keepalived in turn with us, in the same minutes on the
// same machine. Exit code 1 when a promise broke. `npm run bench:failover [-- --rounds N
// --profiles default,fast --faults kill,freeze --peers keepalived,bare --group 2+1 --write]`
import { mkdtempSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { watchStalls } from '../lab/stalls.ts';
import { createBare } from './failover/bare.ts';
import type { Contender } from './failover/contender.ts';
import { createFairlead } from './failover/fairlead.ts';
import { ALL_FAULTS, type Fault, isFault } from './failover/fault.ts';
import { createKeepalived } from './failover/keepalived.ts';
import { type Measured, printResults, verdict, writeResults } from './failover/results.ts';
import { type Hall, playRound } from './failover/round.ts';
import { Turns } from './failover/turns.ts';

const ADVERT_SECONDS = [1, 0.1];
const ends: (() => void)[] = [];

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    profiles: { type: 'string', default: 'default,fast' },
    faults: { type: 'string', default: ALL_FAULTS.join(',') },
    peers: { type: 'string', default: '' },
    group: { type: 'string', default: '3' },
    write: { type: 'boolean', default: false },
  },
});
const faults = words(values.faults).map((word) => {
  if (!isFault(word)) throw new Error(`"${word}" is none of ${ALL_FAULTS.join(', ')}`);
  return word;
});
const group = values.group === '2+1' ? '2+1' : '3';

function words(list: string): readonly string[] {
  return list.split(',').filter((word) => word !== '');
}

/**
 * Contenders in two lanes: ours take turns in one, with the kernel alone, and peers in the other. A
 * lane has one fault at a time. Peers wait for their timers nearly all the time.
 */
async function createLanes(folder: string): Promise<readonly (readonly Contender[])[]> {
  const ours: Contender[] = [];
  for (const profile of ['default', 'fast'] as const) {
    if (!words(values.profiles).includes(profile)) continue;
    ours.push(await createFairlead(folder, profile, group));
  }
  if (words(values.peers).includes('bare')) ours.push(await createBare());
  const peers: Contender[] = [];
  if (words(values.peers).includes('keepalived')) {
    for (const seconds of ADVERT_SECONDS) peers.push(await createKeepalived(folder, seconds));
  }
  return [ours, peers];
}

async function playLane(lane: readonly Contender[], measured: Measured): Promise<void> {
  for (const contender of lane) await contender.start();
  for (let number = 1; number <= Number(values.rounds); number += 1) {
    for (const fault of faults) {
      for (const contender of lane) await playOne(contender, fault, number, measured);
    }
  }
}

async function playOne(
  contender: Contender,
  fault: Fault,
  number: number,
  measured: Measured,
): Promise<void> {
  if (!contender.faults.includes(fault)) return;
  const round = await playRound(contender, fault, hall);
  measured.push({ contender: contender.name, profile: contender.profile, ...round });
  const { gapMs, boundTwiceMs, answeredTwiceMs, moves, broken } = round;
  const twice = `bound twice ${boundTwiceMs.toFixed(0)} ms, answered twice ${answeredTwiceMs} ms`;
  const moved = moves === 1 ? [] : [`moved ${moves} times`];
  const told = [`${gapMs.toFixed(1)} ms without an answer`, twice, ...moved, ...broken];
  console.error(`${number} ${contender.name}, ${fault}: ${told.join('; ')}`);
}

// An ordinary user's may lack the folders that ip, tcpdump and keepalived are in.
process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
const measured: Measured = [];
const failures: string[] = [];
const hall: Hall = {
  turns: new Turns(),
  stalls: await watchStalls((end) => ends.push(end)),
};
const lanes = await createLanes(mkdtempSync('/run/fairlead-bench-'));
try {
  await Promise.all(lanes.map((lane) => playLane(lane, measured)));
} catch (error) {
  // What was measured until then is worth its minutes.
  failures.push(String(error));
} finally {
  await Promise.all(lanes.flat().map((contender) => contender.close()));
  for (const end of ends) end();
}
if (measured.length > 0) printResults(measured);
if (values.write) writeResults(measured, group);
failures.push(...verdict(measured));
for (const failure of failures) console.error(`BROKEN: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;
