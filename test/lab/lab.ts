import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { vi } from 'vitest';
import { askHandoff, askStatus } from '../../src/cli/control-client.ts';
import { loadBinding, nativeExecutable } from '../../src/dataplane/binding.ts';
import type { Namespace } from '../../src/demo/namespace.ts';
import { createStage, type Stage, type StageOptions } from '../../src/demo/stage.ts';

const ROOT = path.resolve(import.meta.dirname, '..', '..');
// A story takes 10 s; on a machine that does other things too, it may take three times as long.
vi.setConfig({ testTimeout: 40_000 });

/** The built program, run by the Node that runs the tests. */
export const PROGRAM = [process.execPath, path.join(ROOT, 'bin', 'fairlead.cjs')] as const;

/**
 * Tells `story` on a stage of its own: nodes with the built daemon, backends, a client. The
 * referees are programs that are not ours (ip, tcpdump, ss) and the client. Nothing of it is left
 * afterwards.
 */
export async function onStage(
  options: StageOptions,
  story: (stage: Stage) => Promise<void>,
): Promise<void> {
  // fairlead-netns gives the whole test run a /run of its own.
  const directory = mkdtempSync('/run/fairlead-lab-');
  const stage = await createStage(
    {
      binding: loadBinding(),
      netns: nativeExecutable('fairlead-netns'),
      program: PROGRAM,
      control: {
        status: (socket) => askStatus({ socket, timeoutMs: 500 }),
        handoff: (socket) => askHandoff(undefined, { socket, timeoutMs: 5000 }),
      },
      directory,
    },
    options,
  );
  try {
    await story(stage);
  } catch (error) {
    // The daemons' own words are what helps most, and they are about to go.
    for (const daemon of stage.daemons) console.error(`log of ${daemon.node}:\n${daemon.log}`);
    throw error;
  } finally {
    await stage.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

const execute = promisify(execFile);

/** Runs a program in `namespace` and resolves with what it printed. */
export async function run(namespace: Namespace, ...command: readonly string[]): Promise<string> {
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
