/**
 * `npm run sim -- --seeds N [--from S]`: elections under faults, a scenario a seed, on all cores.
 * `npm run sim -- --seed S [--trace]`: one of them, told.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { add, TALLIED, type Tally, type Violation } from './referee.ts';
import { makeScenario } from './scenario.ts';
import { shorten, simulate } from './simulation.ts';

const CORES = availableParallelism();
/**
 * Short-lived values are all that a run makes: with room for them, they cost nothing to collect.
 */
const YOUNG_MB = 64;
/** Seeds that a core takes at a time. */
const BATCH = 25;
const STORY_LINES_MAX = 60;

interface Failure {
  readonly seed: number;
  readonly violation: Violation;
}

/**
 * `safetyOnly`: stops at the first two rights or two servers, and takes nothing else for a failure.
 */
interface Batch {
  readonly from: number;
  readonly seeds: number;
  readonly safetyOnly: boolean;
}

/** What a batch of seeds came to: totals, and in how many seeds each thing happened. */
interface BatchResult {
  readonly from: number;
  readonly seeds: number;
  readonly totals: Tally;
  readonly seen: Tally;
  readonly failures: readonly Failure[];
}

function runBatch({ from, seeds, safetyOnly }: Batch): BatchResult {
  const totals: Tally = new Map();
  const seen: Tally = new Map();
  const failures: Failure[] = [];
  for (let seed = from; seed < from + seeds; seed += 1) {
    const { violation, tally } = simulate(makeScenario(seed));
    if (violation !== undefined && isWanted(violation, safetyOnly)) {
      failures.push({ seed, violation });
      if (safetyOnly) break;
    }
    addAll(totals, tally);
    for (const name of tally.keys()) add(seen, name, 1);
  }
  return { from, seeds, totals, seen, failures };
}

function isWanted({ rule }: Violation, safetyOnly: boolean): boolean {
  return !safetyOnly || rule === 'two-rights' || rule === 'two-servers';
}

function addAll(totals: Tally, tally: Tally): void {
  for (const [name, times] of tally) add(totals, name, times);
}

/** Gives batches to all cores until all are done, or one has broken what it must not. */
async function runAll({ from, seeds, safetyOnly }: Batch): Promise<BatchResult> {
  const totals: Tally = new Map();
  const seen: Tally = new Map();
  const failures: Failure[] = [];
  let done = 0;
  const enough = (): boolean => next >= from + seeds || (safetyOnly && failures.length > 0);
  let next = from;
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL(import.meta.url), {
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    const died = new Promise<never>((_, reject) => worker.once('error', reject));
    while (!enough()) {
      const size = Math.min(BATCH, from + seeds - next);
      const start = next;
      next += size;
      // A thread has no origin.
      // oxlint-disable-next-line unicorn/require-post-message-target-origin
      worker.postMessage({ from: start, seeds: size, safetyOnly } satisfies Batch);
      const answer = new Promise<BatchResult>((resolve) => worker.once('message', resolve));
      const result = await Promise.race([answer, died]);
      done += size;
      failures.push(...result.failures);
      addAll(totals, result.totals);
      addAll(seen, result.seen);
    }
    await worker.terminate();
  };
  await Promise.all(Array.from({ length: CORES }, work));
  failures.sort((one, other) => one.seed - other.seed);
  return { from, seeds: done, totals, seen, failures };
}

function printReport(result: BatchResult, seconds: number): void {
  console.log(`${'in seeds'.padStart(9)} ${'in all'.padStart(10)}`);
  for (const [name, words] of Object.entries(TALLIED)) {
    const counts = [result.seen.get(name) ?? 0, result.totals.get(name) ?? 0];
    const [seeds, all] = counts.map((times) => String(times));
    console.log(`${seeds?.padStart(9)} ${all?.padStart(10)}  ${words}`);
  }
  const rate = (result.seeds / seconds).toFixed(0);
  console.log(`${result.seeds} seeds in ${seconds.toFixed(1)} s (${rate}/s on ${CORES} cores)`);
}

/** Prints a failure as the shortest story that still breaks the same rule. */
function printFailure({ seed, violation }: Failure): void {
  const scenario = shorten(makeScenario(seed), violation.rule);
  const { story } = simulate(scenario, true);
  console.log(`\nSEED=${seed} breaks ${violation.rule}: ${violation.text}`);
  console.log(
    `${scenario.nodes} nodes, profile ${scenario.profile}; the end of the shortest story:`,
  );
  console.log(story.slice(-STORY_LINES_MAX).join('\n'));
}

function tellSeed(seed: number, traced: boolean): number {
  const { violation, story, tally } = simulate(makeScenario(seed), true);
  if (traced) console.log(story.join('\n'));
  console.log(JSON.stringify(Object.fromEntries(tally)));
  if (violation === undefined) console.log(`SEED=${seed} breaks nothing`);
  else printFailure({ seed, violation });
  return violation === undefined ? 0 : 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      trace: { type: 'boolean', default: false },
      'first-break': { type: 'boolean', default: false },
    },
  });
  if (values.seed !== undefined) return tellSeed(Number(values.seed), values.trace);
  const startedAt = performance.now();
  const result = await runAll({
    from: Number(values.from),
    seeds: Number(values.seeds),
    safetyOnly: values['first-break'],
  });
  const [first] = result.failures;
  if (values['first-break']) {
    console.log(JSON.stringify({ seed: first?.seed ?? null, broken: first?.violation.rule }));
    return first === undefined ? 0 : 1;
  }
  printReport(result, (performance.now() - startedAt) / 1000);
  console.log(`${result.seeds - result.failures.length} passed, ${result.failures.length} failed`);
  if (first !== undefined) printFailure(first);
  return first === undefined ? 0 : 1;
}

if (isMainThread) {
  process.exitCode = await main();
} else {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.on('message', (batch: Batch) => parentPort?.postMessage(runBatch(batch)));
}
