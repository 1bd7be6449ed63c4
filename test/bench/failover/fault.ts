/** What is done to the node that holds the VIP. "Both" are the daemon and its guard. */
export type Fault =
  | 'handoff'
  | 'stop'
  | 'kill'
  | 'freeze'
  | 'block'
  | 'kill-both'
  | 'freeze-both'
  | 'unplug'
  | 'gone';

interface FaultSpec {
  readonly words: string;
  /** The longest gap that is allowed in each profile. */
  readonly goalsMs: { readonly default: number; readonly fast: number };
  /**
   * Whether nobody is left who could delete the address: it stays until its lifetime ends, and only
   * what answers for it counts (fencing.md C).
   */
  readonly addressMayStay: boolean;
  /**
   * Whether the old holder serves until it hands over. Else the gap begins with the fault, also
   * while the kernel still answers: who was frozen or killed serves nobody.
   */
  readonly inOrder?: true;
}

const AT_ONCE = { default: 20, fast: 20 };
const RESIGNED = { default: 100, fast: 100 };
const SILENT = { default: 600, fast: 250 };

export const FAULTS: Readonly<Record<Fault, FaultSpec>> = {
  handoff: { words: '`fairlead handoff`', goalsMs: AT_ONCE, addressMayStay: false, inOrder: true },
  stop: { words: 'SIGTERM', goalsMs: AT_ONCE, addressMayStay: false, inOrder: true },
  kill: { words: 'SIGKILL of the daemon', goalsMs: RESIGNED, addressMayStay: false },
  freeze: { words: 'SIGSTOP of the daemon', goalsMs: SILENT, addressMayStay: false },
  block: { words: 'event loop blocked', goalsMs: SILENT, addressMayStay: false },
  'kill-both': { words: 'SIGKILL of daemon and guard', goalsMs: SILENT, addressMayStay: true },
  'freeze-both': { words: 'SIGSTOP of daemon and guard', goalsMs: SILENT, addressMayStay: true },
  unplug: { words: 'link cut', goalsMs: SILENT, addressMayStay: false },
  gone: { words: 'node gone', goalsMs: SILENT, addressMayStay: true },
};

export const ALL_FAULTS: readonly Fault[] = Object.keys(FAULTS).filter(isFault);

export function isFault(word: string): word is Fault {
  return word in FAULTS;
}
