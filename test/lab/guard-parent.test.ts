import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { nativeExecutable } from '../../src/dataplane/binding.ts';
import type { DaemonProcess, Program } from '../../src/demo/daemon-process.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { expectOneHolder } from './broken-promise.ts';
import { type IpMonitor, startIpMonitor } from './ip-monitor.ts';
import { onStage, PROGRAM } from './lab.ts';
import { needsLab } from './namespaces.ts';

/** 100 ms is the promise; a busy machine gets three times that. */
const SOON_MS = 300;

let folder: string;
let program: Program;
/** Not what the stage has started, so not what it ends. */
let guarded: number[];

beforeEach(() => {
  guarded = [];
  folder = mkdtempSync('/run/fairlead-guard-');
  const script = path.join(folder, 'guarded.sh');
  const command = [nativeExecutable('fairlead-guard'), '--', ...PROGRAM];
  const quoted = command.map((word) => `'${word}'`).join(' ');
  writeFileSync(script, `exec ${quoted} "$@"\n`);
  chmodSync(script, 0o755);
  program = ['/bin/sh', script];
});

afterEach(() => {
  for (const pid of guarded) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It is gone, as it should be.
    }
  }
  rmSync(folder, { recursive: true });
});

/** Three nodes, each with a guard that has started the daemon, and one of them holds the VIP. */
async function onGuardedStage(
  story: (stage: Stage, holder: DaemonProcess, monitor: IpMonitor) => Promise<void>,
): Promise<void> {
  await onStage({ nodes: 3, program }, async (stage) => {
    const monitor = await startIpMonitor(stage);
    stage.startDaemons();
    expect(await stage.untilWhole(8000)).toBe(true);
    for (const { node, pid } of stage.daemons) {
      expect((await stage.status(node)).fences.guard).toBe('parent');
      guarded.push(daemonOf(pid));
    }
    const holder = stage.daemon(stage.holder ?? '');
    await story(stage, holder, monitor);
    const moved = (): boolean => stage.holder !== undefined && stage.holder !== holder.node;
    expect(await stage.until(moved, 5000)).toBe(true);
    const { vip } = stage.history;
    await expect.poll(() => monitor.holding(vip).at(-1)).toMatchObject({ node: stage.holder });
    expectOneHolder(monitor.holding(vip));
  });
}

/** What a guard has started. */
function daemonOf(guard: number): number {
  return Number(readFileSync(`/proc/${guard}/task/${guard}/children`, 'utf8').trim());
}

// There is no systemd here: what it does to the processes of a unit is done to them.

needsLab('KillMode=control-group: SIGTERM for guard and daemon is one orderly end', async () => {
  await onGuardedStage(async (_stage, holder) => {
    const daemon = daemonOf(holder.pid);
    const ended = holder.end('SIGTERM');
    process.kill(daemon, 'SIGTERM');
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(holder.log).toContain('"withdrawn":true');
  });
});

needsLab('KillMode=mixed and process: SIGTERM for the guard alone is passed on', async () => {
  await onGuardedStage(async (_stage, holder) => {
    expect(await holder.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(holder.log).toContain('"withdrawn":true');
  });
});

needsLab('a daemon whose parent guard is killed gives the VIP up at once and leaves', async () => {
  await onGuardedStage(async (stage, holder, monitor) => {
    const daemon = daemonOf(holder.pid);
    const killedAt = Date.now();
    await holder.end('SIGKILL');
    const lost = () =>
      monitor.holding(stage.history.vip).find(({ node, held }) => node === holder.node && !held);
    await stage.until(() => lost() !== undefined, 5000);
    const lostAfterMs = (lost()?.at ?? Infinity) - killedAt;
    expect(lostAfterMs).toBeLessThan(SOON_MS);
    await expect.poll(() => existsSync(`/proc/${daemon}`), { timeout: 5000 }).toBe(false);
  });
});
