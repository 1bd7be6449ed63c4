import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { OperationalError } from '../core/errors.ts';
import { loadBinding, nativeExecutable } from '../dataplane/binding.ts';
import { exitOf } from './child-exit.ts';
import type { DaemonProcess, Program } from './daemon-process.ts';
import type { Fault } from './history.ts';
import { type Narrate, playFault, playOpening } from './play.ts';
import { type DemoReport, reportOf } from './report.ts';
import { createStage, type DaemonControl, type Stage, type StageTools } from './stage.ts';
import { startTelling } from './telling.ts';

export interface DemoOptions {
  readonly nodes: number;
  /** In this order. */
  readonly faults: readonly Fault[];
  readonly json: boolean;
}

/**
 * Tells the one inside that it is. (FAIRLEAD_NAMESPACES may be a test's, which the demo is run by.)
 */
const INSIDE = 'FAIRLEAD_INSIDE';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const SHOW_CURSOR = '\x1b[?25h';
/** How much of its log is shown of a daemon that ended by itself. */
const LOG_TAIL_LINES = 12;

/**
 * Runs the demo in namespaces of its own and resolves with the exit code: 0 when every promise was
 * kept, 1 when one broke.
 *
 * @throws {OperationalError} `namespaces-refused`, with cause and cure, when they cannot be made.
 */
export async function runDemo(
  options: DemoOptions,
  control: DaemonControl,
  print: (report: DemoReport) => void,
): Promise<number> {
  const program: Program = [process.execPath, process.argv[1] ?? ''];
  const netns = nativeExecutable('fairlead-netns');
  if (process.env[INSIDE] === '1') {
    const tools = { binding: loadBinding(), netns, program, control };
    return await performDemo(options, tools, print);
  }
  refuseWithoutNamespaces(netns);
  return await runInside(netns, program);
}

function refuseWithoutNamespaces(netns: string): void {
  const check = spawnSync(netns, ['check'], { encoding: 'utf8' });
  if (check.status === 0) return;
  const said = check.error?.message ?? check.stderr.trim();
  throw new OperationalError(said.replace(/^fairlead-netns: /, ''), { code: 'namespaces-refused' });
}

/** Runs this same command again, in the namespaces. Signals reach it through `fairlead-netns`. */
async function runInside(netns: string, program: Program): Promise<number> {
  const command = ['run', '--', ...program, ...process.argv.slice(2)];
  const env = { ...process.env, [INSIDE]: '1' };
  const child = spawn(netns, command, { stdio: 'inherit', env });
  const pass = (signal: NodeJS.Signals): void => {
    child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, pass);
  const { code } = await exitOf(child);
  for (const signal of SIGNALS) process.off(signal, pass);
  // Whatever ended the one inside, the terminal is whole again.
  if (code !== 0 && process.stderr.isTTY) process.stderr.write(SHOW_CURSOR);
  return code ?? 70;
}

/** The demo itself, inside. */
async function performDemo(
  options: DemoOptions,
  tools: Omit<StageTools, 'directory'>,
  print: (report: DemoReport) => void,
): Promise<number> {
  const out = options.json ? process.stderr : process.stdout;
  const directory = makeFolder();
  const interrupted = awaitSignal();
  let stage: Stage | undefined;
  try {
    out.write(`${opening(options.nodes)}\n`);
    stage = await createStage({ ...tools, directory }, { nodes: options.nodes });
    const { history } = stage;
    const telling = startTelling(history, out, () => tools.binding.bootTimeMs());
    try {
      const play = playAll(stage, options.faults, telling.narrate);
      const signal = await Promise.race([play, interrupted]);
      if (signal !== undefined) return 128 + os.constants.signals[signal];
    } finally {
      telling.finish();
    }
    if (history.accidents.length > 0) printLogs(stage.daemons);
    const report = reportOf(history);
    print(report);
    return report.broken.length === 0 ? 0 : 1;
  } finally {
    await stage?.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** /run is this demo's own, and gone with it; the folder elsewhere is only for where it is not. */
function makeFolder(): string {
  try {
    return mkdtempSync('/run/fairlead-demo-');
  } catch {
    return mkdtempSync(path.join(os.tmpdir(), 'fairlead-demo-'));
  }
}

function awaitSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.on(signal, () => resolve(signal));
  });
}

function opening(nodes: number): string {
  const cast = `fairlead demo: ${nodes} nodes, 3 backends and a client, in namespaces of this machine`;
  if (nodes > 2) return cast;
  return `${cast}
Two nodes cannot outvote the loss of one: only a handoff moves the VIP, and after
any other fault nobody serves it until the node is back. A third machine, if only
as a witness (voterOnly: true), changes that: try --nodes 3.`;
}

async function playAll(
  stage: Stage,
  faults: readonly Fault[],
  narrate: Narrate,
): Promise<undefined> {
  await stage.startAudience();
  if (!(await playOpening(stage, narrate))) return;
  for (const fault of faults) {
    await playFault(stage, fault, narrate);
    if (stage.history.accidents.length > 0) return;
  }
}

/** After an accident the daemons' own words are what helps. */
function printLogs(daemons: readonly DaemonProcess[]): void {
  for (const daemon of daemons) {
    const tail = daemon.log.trimEnd().split('\n').slice(-LOG_TAIL_LINES);
    process.stderr.write(`log of ${daemon.node}:\n  ${tail.join('\n  ')}\n`);
  }
}
