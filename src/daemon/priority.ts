import os from 'node:os';
import type { Log } from '../telemetry/log.ts';

/** Between other programs, at 0, and the thread that keeps the gate open, at -20. */
const NICE = -10;

/**
 * Has this thread, and those that it starts from here on, run before other programs: the election
 * and a takeover are a few hundred microseconds of work that others wait for. A nice value that
 * somebody else has chosen stays. See docs/decisions/0017-the-daemons-priority.md.
 */
export function askForPriority(log: Log): void {
  if (os.getPriority() !== 0) return;
  try {
    os.setPriority(NICE);
  } catch (err) {
    log.debug(
      { err, hint: 'Give it CAP_SYS_NICE or LimitNICE=-20' },
      'runs at the priority of any other program',
    );
  }
}
