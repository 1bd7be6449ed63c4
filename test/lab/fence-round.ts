import { setTimeout as sleep } from 'node:timers/promises';
import type { Instant } from '../../src/core/time.ts';
import type { DaemonProcess } from '../../src/demo/daemon-process.ts';
import type { Span } from '../../src/demo/holding.ts';
import type { Stage } from '../../src/demo/stage.ts';
import type { Answers } from './answers.ts';
import { type Blow, strike } from './blows.ts';
import { openDeadlinePage } from './deadline-page.ts';
import type { IpMonitor } from './ip-monitor.ts';

/** What came of a blow to the holder, in ms of CLOCK_BOOTTIME, by referees that are not ours. */
export interface Fall {
  readonly struckAt: Instant;
  /** By the page that all fences share. */
  readonly deadline: Instant;
  /** When the holder's kernel was given the address last, for another lifetime. */
  readonly refreshedAt: Instant;
  /** When the holder's kernel had it no more; Infinity while it has it. */
  readonly goneAt: Instant;
  /** When the holder last answered for the VIP, or took a packet for it in. */
  readonly servedAt: Instant;
  /** Whether another node heard that the holder serves no more, rather than to wait for that. */
  readonly resigned: boolean;
}

/** Who watches a stage. */
export interface Watchers {
  readonly monitor: IpMonitor;
  readonly answers: Answers;
}

const WHOLE_LIMIT_MS = 10_000;
/** As often as addresses are refreshed: a blow falls at any time between two. */
const REFRESH_MS = 1000;
/** After a signal the daemon may finish the instruction that it is at, and store a deadline. */
const SETTLED_MS = 5;
/** A busy machine may move the VIP from whoever is about to be struck. */
const MOST_ATTEMPTS = 10;
/** A node logs why it stood for election when it has the VIP. */
const TOLD_MS = 100;
/** For how long the others have the VIP while the holder is as the blow has left it. */
const CALM_MS = 300;

/**
 * Strikes the holder of a group that is whole, sees what becomes of the VIP, and heals it.
 *
 * @param watchMs how long the address is waited for to go.
 */
export async function playBlow(
  stage: Stage,
  watchers: Watchers,
  blow: { readonly blow: Blow; readonly watchMs: number },
): Promise<Fall> {
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
    const fall = await playBlowIfHeld(stage, watchers, blow);
    if (fall !== undefined) return fall;
  }
  throw new Error(`The VIP moved ${MOST_ATTEMPTS} times before its holder could be struck`);
}

/** @returns undefined when a busy machine moved the VIP before the blow. */
async function playBlowIfHeld(
  stage: Stage,
  { monitor, answers }: Watchers,
  { blow, watchMs }: { readonly blow: Blow; readonly watchMs: number },
): Promise<Fall | undefined> {
  await stage.until(() => stage.holder !== undefined, WHOLE_LIMIT_MS);
  const node = stage.holder ?? '';
  const page = openDeadlinePage(stage.daemon(node).pid);
  const watch = await answers.watch(stage.station(node));
  try {
    await sleep(REFRESH_MS * (0.2 + Math.random()));
    if (stage.holder !== node) return undefined;
    const aheadMs = wallAheadOfBoot(stage);
    const before = page.read();
    const struck = await strike(stage, node, blow);
    await sleep(SETTLED_MS);
    const deadline = page.read() ?? before ?? struck.at;
    const address = (): Pick<Fall, 'refreshedAt' | 'goneAt'> =>
      addressOf(stage, monitor, node, aheadMs);
    await stage.until(() => address().goneAt < Infinity, watchMs);
    await stage.until(() => stage.holder !== node, watchMs);
    await sleep(CALM_MS);
    const { refreshedAt, goneAt } = address();
    const servedAt = Math.max(watch.answeredAt(), watch.acceptedAt());
    await struck.heal();
    if (!(await stage.untilWhole(WHOLE_LIMIT_MS))) throw new Error('the group was not whole again');
    const arrivedAt = arrivalAfter(stage, monitor, node, struck.at + aheadMs);
    const span = { from: struck.at + aheadMs, until: arrivedAt + TOLD_MS };
    const resigned = stage.daemons.some((daemon) => heardResignation(daemon, span));
    return { struckAt: struck.at, deadline, refreshedAt, goneAt, servedAt, resigned };
  } finally {
    await watch.stop();
    page.close();
  }
}

/** Whether a daemon's log says, within a span of wall time, that the leader resigned. */
function heardResignation({ log }: DaemonProcess, span: Span): boolean {
  return log.split('\n').some((line) => {
    if (!line.includes('"reason":"leader-resigned"')) return false;
    const { time }: { readonly time: string } = JSON.parse(line);
    const at = Date.parse(time);
    return at >= Math.floor(span.from) && at <= span.until;
  });
}

/** When, after an instant of wall time, the first node but `node` got the VIP. */
function arrivalAfter(stage: Stage, monitor: IpMonitor, node: string, after: Instant): Instant {
  const changes = monitor.holding(stage.history.vip);
  const arrival = changes.find((change) => {
    return change.held && change.node !== node && change.at >= after;
  });
  return arrival?.at ?? Infinity;
}

/** When `node` got the VIP for the last time, and when it lost it since, as ip(8) printed it. */
function addressOf(
  stage: Stage,
  monitor: IpMonitor,
  node: string,
  aheadMs: number,
): Pick<Fall, 'refreshedAt' | 'goneAt'> {
  const changes = monitor.holding(stage.history.vip).filter((change) => change.node === node);
  const refreshed = changes.findLast(({ held }) => held)?.at ?? Infinity;
  const gone = changes.findLast(({ held, at }) => !held && at >= refreshed)?.at ?? Infinity;
  return { refreshedAt: refreshed - aheadMs, goneAt: gone - aheadMs };
}

/** How far the wall clock is ahead of CLOCK_BOOTTIME, to what a call takes: some microseconds. */
function wallAheadOfBoot(stage: Stage): number {
  const before = Date.now();
  let now = before;
  // Date.now() has whole milliseconds, and is exact when it changes.
  while (now === before) now = Date.now();
  return now - stage.now();
}
