import { readdirSync, readFileSync } from 'node:fs';
import type { Instant } from '../../src/core/time.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { stopThread } from './stop-thread.ts';

/** What is done to the daemon of a node, to `both` it and its guard. */
export type Blow = 'kill' | 'stop' | 'block' | 'kill-both' | 'stop-both';

/** A blow that was struck. */
export interface Struck {
  /** When it was struck, in ms of CLOCK_BOOTTIME. */
  readonly at: Instant;
  /** Undoes it: what was stopped runs on, what was killed is started again. */
  heal(): Promise<void>;
}

export async function strike(stage: Stage, node: string, blow: Blow): Promise<Struck> {
  const daemon = stage.daemon(node);
  const at = stage.now();
  switch (blow) {
    case 'kill':
    case 'kill-both':
      // The guard first: it acts within milliseconds of the daemon's death.
      if (blow === 'kill-both') process.kill(guardOf(daemon.pid), 'SIGKILL');
      await daemon.end('SIGKILL');
      return { at, heal: async () => daemon.start() };
    case 'stop':
      daemon.signal('SIGSTOP');
      return { at, heal: async () => daemon.signal('SIGCONT') };
    case 'stop-both': {
      const guard = guardOf(daemon.pid);
      process.kill(guard, 'SIGSTOP');
      daemon.signal('SIGSTOP');
      const heal = async (): Promise<void> => {
        process.kill(guard, 'SIGCONT');
        daemon.signal('SIGCONT');
      };
      return { at, heal };
    }
    case 'block': {
      const stopped = await stopThread(daemon.pid);
      return { at: stopped.at, heal: () => stopped.resume() };
    }
  }
}

/** The guard that a daemon started. A thread has the children it started (proc_pid_task(5)). */
export function guardOf(pid: number): number {
  const folder = `/proc/${pid}/task`;
  const children = readdirSync(folder).flatMap((thread) =>
    readFileSync(`${folder}/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  const guard = children.find(
    (child) => readFileSync(`/proc/${child}/comm`, 'utf8').trim() === 'fairlead-guard',
  );
  if (guard === undefined) throw new Error(`process ${pid} has no guard`);
  return guard;
}
