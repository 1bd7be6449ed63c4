import { setTimeout as sleep } from 'node:timers/promises';
import {
  everTwoHolders,
  type HoldingChange,
  holderAfter,
  holdingsOf,
  type Span,
  timeWithTwoHolders,
} from '../../../src/demo/holding.ts';
import { longestSilence } from '../../../src/demo/probes.ts';
import type { Stalls } from '../../lab/stalls.ts';
import { answeredTwiceMs, intrusions } from './claims.ts';
import type { Contender } from './contender.ts';
import { FAULTS, type Fault } from './fault.ts';
import type { Referees } from './referees.ts';
import type { Turns } from './turns.ts';

/** What came of one fault. */
export interface Round {
  readonly fault: Fault;
  /**
   * The longest time between two answers to the client's pings; where the holder fails at once,
   * from the fault to the end of it.
   */
  readonly gapMs: number;
  /** For how long the machine's host gave a processor to others during the gap. */
  readonly stolenMs: number;
  /** The same from the fault to the end of the round. */
  readonly stolenInAllMs: number;
  /** How long two nodes had the VIP bound, by ip(8). */
  readonly boundTwiceMs: number;
  /** How long two nodes answered ARP requests for it, by tcpdump. */
  readonly answeredTwiceMs: number;
  /** How often the VIP came to a node: once, unless a busy machine made the next one fail. */
  readonly moves: number;
  /** What must not have happened; empty where nothing is promised. */
  readonly broken: readonly string[];
}

/** How long everything is left alone before a fault, and after somebody took over. */
const CALM_MS = 200;
const CALM_LIMIT_MS = 60_000;
/** The client asks for so long before the fault. */
const LEAD_MS = 100;
const AFTER_MS = 500;
/** A node that was put right is watched for so long: it shall not touch the VIP. */
const WATCHED_MS = 300;
/** Longer than the prober waits for an answer. */
const SETTLE_MS = 320;
const TAKEOVER_LIMIT_MS = 5000;
/** A takeover that lasts longer waits for timers, and nobody else has to wait for it. */
const TURN_LIMIT_MS = 1000;
const POLL_INTERVAL_MS = 10;

/** What the rounds of all contenders share. */
export interface Hall {
  readonly turns: Turns;
  readonly stalls: Stalls;
}

/** Does `fault` to the node that holds the VIP, sees who takes over, puts it right, and judges. */
export async function playRound(
  contender: Contender,
  fault: Fault,
  { turns, stalls }: Hall,
): Promise<Round> {
  const { referees } = contender;
  let node = await untilCalm(contender);
  let from = 0;
  const succeeded = (): boolean => successor(referees.holding(), node, from) !== undefined;
  const untilTaken = async (limitMs: number): Promise<void> => {
    while (!succeeded() && Date.now() < from + limitMs) await sleep(POLL_INTERVAL_MS);
  };
  const struck = await turns.take(async () => {
    referees.ask(true);
    referees.forget();
    await sleep(LEAD_MS);
    // On a busy machine it may have moved while others had their turns.
    node = holderAfter(referees.holding()) ?? node;
    from = Date.now();
    const striking = contender.strike(fault, node);
    await untilTaken(TURN_LIMIT_MS);
    return { striking };
  });
  await untilTaken(TAKEOVER_LIMIT_MS);
  await struck.striking;
  await sleep(AFTER_MS);
  const whole = await turns.take(async () => {
    await contender.heal(fault, node);
    await sleep(WATCHED_MS);
    return await contender.untilWhole();
  });
  const until = Date.now();
  await sleep(SETTLE_MS);
  referees.ask(false);
  const strike = { fault, node, from, until };
  const gap = gapOf(referees, strike);
  return {
    fault,
    gapMs: gap.until - gap.from,
    stolenMs: stalls.withinMs(gap),
    stolenInAllMs: stalls.withinMs(strike),
    ...judge(contender, strike, [
      ...(succeeded() ? [] : ['no other node took over']),
      ...(whole ? [] : ['the group was not whole again in time']),
      ...contender.accidents(),
    ]),
  };
}

/**
 * Waits until one node holds the VIP and has for a while, and resolves with it. A machine that
 * others keep busy may move it between two rounds.
 */
async function untilCalm(contender: Contender): Promise<string> {
  const deadline = Date.now() + CALM_LIMIT_MS;
  while (Date.now() < deadline) {
    const whole = await contender.untilWhole();
    const node = holderAfter(contender.referees.holding());
    await sleep(CALM_MS);
    const same = holderAfter(contender.referees.holding()) === node;
    if (whole && same && node !== undefined) return node;
  }
  throw new Error(`${contender.name} came to no rest: ${await contender.state()}`);
}

/** The next arrival of the VIP on another node than the one that was struck. */
function successor(
  changes: readonly HoldingChange[],
  struck: string,
  from: number,
): HoldingChange | undefined {
  return changes.find(({ held, node, at }) => held && node !== struck && at >= from);
}

interface Strike extends Span {
  readonly fault: Fault;
  readonly node: string;
}

function judge(
  { referees, profile }: Contender,
  strike: Strike,
  failures: readonly string[],
): Pick<Round, 'boundTwiceMs' | 'answeredTwiceMs' | 'moves' | 'broken'> {
  const { claims } = referees;
  const holding = referees.holding();
  const twiceMs = answeredTwiceMs(claims, strike);
  const broken = [...failures];
  if (claims.length === 0) broken.push('nobody was seen to answer for the VIP');
  if (!FAULTS[strike.fault].addressMayStay && everTwoHolders(holding, strike)) {
    broken.push('two nodes had the VIP bound at once');
  }
  if (twiceMs > 0) broken.push(`two nodes answered for the VIP for ${twiceMs} ms`);
  const strangers = intrusions(claims, strike);
  if (strangers.length > 0) {
    broken.push(`${strangers.length} ARP frames claimed the VIP while another node held it`);
  }
  return {
    boundTwiceMs: timeWithTwoHolders(holding, strike),
    answeredTwiceMs: twiceMs,
    moves: movesIn(holding, strike),
    broken: profile === undefined ? [] : broken,
  };
}

function movesIn(changes: readonly HoldingChange[], span: Span): number {
  const within = ({ from }: { readonly from: number }) => from > span.from && from < span.until;
  return holdingsOf(changes).filter(within).length;
}

/** The longest outage; the first one begins with the fault where the holder fails at once. */
function gapOf(referees: Referees, strike: Strike): Span {
  const { probes } = referees;
  const none = { from: strike.from, until: strike.from };
  if (FAULTS[strike.fault].inOrder) return longestSilence(probes, strike) ?? none;
  const arrivedAt = successor(referees.holding(), strike.node, strike.from)?.at ?? strike.until;
  const answers = probes.flatMap(({ answer }) => (answer === undefined ? [] : [answer.at]));
  const served = answers.filter((at) => at >= arrivedAt);
  const first = { from: strike.from, until: Math.min(strike.until, ...served) };
  // What is lost after that, as on a busy machine, is an outage of its own.
  const later = longestSilence(probes, { from: first.until, until: strike.until }) ?? none;
  return lengthOf(later) > lengthOf(first) ? later : first;
}

function lengthOf({ from, until }: Span): number {
  return until - from;
}
