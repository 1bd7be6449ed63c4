import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { errorCode } from '../../src/core/errors.ts';
import type { Program } from '../../src/demo/daemon-process.ts';
import type { Namespace } from '../../src/demo/namespace.ts';
import { createStage, type Stage, type StageOptions } from '../../src/demo/stage.ts';
import type { Referee } from './namespaces.ts';
import { stageTools } from './stage-tools.ts';

/**
 * A host may take a processor of its guest away for longer than a right of the default profile
 * lasts, and the VIP moves then, as it should. What is no story of time-outs bears that.
 */
const STEADY = 'election: {heartbeatMs: 50, electionTimeoutMs: 1000}';

export interface LabOptions extends StageOptions {
  readonly program?: Program;
  /** `profile`: the election's times are those of the settings. Default: `steady`. */
  readonly timing?: 'steady' | 'profile';
}

/**
 * Tells `story` on a stage of its own: nodes with the built daemon, backends, a client. The
 * referees are programs that are not ours (ip, tcpdump, ss) and the client. Nothing of it is left
 * afterwards.
 */
export async function onStage(
  options: LabOptions,
  story: (stage: Stage) => Promise<void>,
): Promise<void> {
  // fairlead-netns gives the whole test run a /run of its own.
  const directory = mkdtempSync('/run/fairlead-lab-');
  const tools = stageTools(directory, options.program);
  const stage = await createStage(tools, withTiming(options));
  try {
    await story(stage);
  } catch (error) {
    // The daemons' own words are what helps most, and they are about to go.
    for (const daemon of stage.daemons) console.error(`log of ${daemon.node}:\n${daemon.log}`);
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${why}\n\n${evidenceOf(stage)}`, { cause: error });
  } finally {
    await stage.close();
    await removeFolder(directory);
  }
}

const REMOVAL_LIMIT_MS = 5000;

/**
 * A daemon whose guard was killed as its parent ends a moment after it, and may write until then.
 * (rmSync tries again, too, but looks only once at what is in there.)
 */
async function removeFolder(folder: string): Promise<void> {
  for (const from = Date.now(); ; await sleep(50)) {
    try {
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      if (errorCode(error) !== 'ENOTEMPTY' || Date.now() - from > REMOVAL_LIMIT_MS) throw error;
    }
  }
}

function withTiming(options: LabOptions): StageOptions {
  const { extra = [] } = options.settings ?? {};
  const timed = extra.some((line) => /^(election|profile|singleNode):/.test(line));
  if (options.timing === 'profile' || timed) return options;
  return { ...options, settings: { ...options.settings, extra: [...extra, STEADY] } };
}

/** What the referees of a stage saw last, for whoever reads that its story failed. */
function evidenceOf(stage: Stage): string {
  const changes = stage.changes.slice(-20).map(({ at, network, address, removed }) => {
    return `${at.toFixed(1)} ${network} ${removed ? 'lost' : 'has'} ${address}`;
  });
  const told = [...stage.history.accidents, ...changes, `${stage.now().toFixed(1)} failed`];
  return `What happened last on the stage:\n${told.join('\n')}`;
}

const execute = promisify(execFile);

/** Runs a referee, or a shell, in `namespace` and resolves with what it printed. */
export async function run(
  namespace: Namespace,
  ...command: readonly [Referee | 'sh', ...string[]]
): Promise<string> {
  const [executable, ...rest] = namespace.inside(command);
  return (await execute(executable, rest)).stdout;
}

/** The MAC address of eth0, as ip(8) prints it. */
export async function macOf(station: Namespace): Promise<string> {
  const links: { readonly address: string }[] = JSON.parse(
    await run(station, 'ip', '-json', 'link', 'show', 'dev', 'eth0'),
  );
  return links[0]?.address ?? '';
}

/** Which MAC address `namespace` believes `address` to be at; undefined when it believes none. */
export async function neighbourOf(
  namespace: Namespace,
  address: string,
): Promise<string | undefined> {
  const entries: { readonly lladdr?: string }[] = JSON.parse(
    await run(namespace, 'ip', '-json', 'neigh', 'show', 'to', address),
  );
  return entries[0]?.lladdr;
}

/**
 * Where `namespace` listens for TCP, as `address:port`, as ss(8) prints it. (A thread has a
 * socket.)
 */
export async function listeningOn(namespace: Namespace): Promise<readonly string[]> {
  const lines = (await run(namespace, 'ss', '-H', '-ltn')).trim().split('\n');
  return [...new Set(lines.flatMap((line) => line.trim().split(/\s+/)[3] ?? []))].sort();
}

/** The addresses of a link, without the link-local ones, as ip(8) prints them. */
export async function addressesOf(namespace: Namespace, link = 'eth0'): Promise<readonly string[]> {
  const printed = await run(namespace, 'ip', '-oneline', 'address', 'show', 'dev', link);
  return [...printed.matchAll(/ inet6? (\S+)\/\d+ .*scope global/g)].map((match) => match[1] ?? '');
}
