import type { ChildProcess } from 'node:child_process';

/** How a child ended: one of the two is null. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Waits for the end of `child`, also when it has ended already. */
export function exitOf(child: ChildProcess): Promise<ChildExit> {
  return new Promise((resolve) => {
    const { exitCode: code, signalCode: signal } = child;
    if (code !== null || signal !== null) resolve({ code, signal });
    else child.once('exit', (endCode, endSignal) => resolve({ code: endCode, signal: endSignal }));
  });
}
