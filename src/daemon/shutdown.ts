import type { Log } from '../telemetry/log.ts';

/** One request to end may arrive more than once within this time. */
const REPEATED_WITHIN_MS = 1000;

/**
 * Resolves with the first of `signals` that comes. Those that follow soon mean the same: systemd
 * signals every process of a unit, and the guard that is its main process passes its own on. Later
 * ones have their usual effect, for a person who has no more patience.
 */
export function nextSignal(signals: readonly NodeJS.Signals[]): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const letGo = (): void => {
      for (const name of signals) process.off(name, heard);
    };
    const heard = (signal: NodeJS.Signals): void => {
      resolve(signal);
      setTimeout(letGo, REPEATED_WITHIN_MS).unref();
    };
    for (const name of signals) process.on(name, heard);
  });
}

/** Resolves with `reason` when `signal` is aborted. */
export function aborted<Reason>(signal: AbortSignal, reason: Reason): Promise<Reason> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(reason);
    else signal.addEventListener('abort', () => resolve(reason), { once: true });
  });
}

/**
 * SIGHUP, from the first moment on: by default it would end a daemon that is starting. What comes
 * before there is somebody to tell is told then, once.
 */
export class HangUps {
  #tell: (() => void) | undefined;
  #waiting = false;

  constructor() {
    process.on('SIGHUP', () => {
      if (this.#tell === undefined) this.#waiting = true;
      else this.#tell();
    });
  }

  deliver(tell: () => void): void {
    this.#tell = tell;
    if (this.#waiting) tell();
    this.#waiting = false;
  }
}

/**
 * Keeps signals from doing what they do by default: SIGUSR1, which asks kube-vip for a dump, opens
 * Node's debugger to every user of the machine (fencing.md D5), and SIGUSR2 ends the process.
 */
export function defuseSignals(log: Log): void {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    process.on(signal, () => log.warn({ signal }, 'signal ignored'));
  }
}

/** Whether `work` ends within `limitMs`. It goes on if not. */
export async function endsWithin(work: Promise<unknown>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
