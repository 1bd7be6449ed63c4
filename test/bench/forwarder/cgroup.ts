import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { OperationalError } from '../../../src/core/errors.ts';

const ROOT = '/sys/fs/cgroup';
/** By the first version of control groups, whose controllers are mounted one by one. */
const SPLIT = existsSync(path.join(ROOT, 'cpuacct'));

/** What its processes use is counted together: control groups, version 1 or 2. */
export interface ControlGroup {
  /** Where the number of a process that shall belong to it is written to. */
  readonly members: readonly string[];
  /** The file whose first number is the processor time that it has used. */
  readonly timeFile: string;
  /** What one of those is, in seconds. */
  readonly timeUnit: number;
  /** All that the kernel holds for it, page tables, sockets and slabs too, in bytes. */
  memory(): number;
  close(): void;
}

/**
 * Makes one below `/sys/fs/cgroup`.
 *
 * @throws {OperationalError} where that is refused.
 */
export function makeControlGroup(name: string): ControlGroup {
  const controllers = SPLIT ? ['cpuacct', 'memory'] : ['.'];
  const folders = controllers.map((each) => path.join(ROOT, each, `${name}-${process.pid}`));
  const [time = '', memory = time] = folders;
  try {
    for (const folder of folders) mkdirSync(folder);
  } catch (error) {
    throw new OperationalError(`Cannot make the control group "${time}": it was refused`, {
      code: 'no-cgroup',
      hint: 'Run this as root, where /sys/fs/cgroup can be written to',
      cause: error,
    });
  }
  return {
    members: folders.map((folder) => path.join(folder, 'cgroup.procs')),
    timeFile: path.join(time, SPLIT ? 'cpuacct.usage' : 'cpu.stat'),
    timeUnit: SPLIT ? 1e-9 : 1e-6,
    memory: () => {
      const file = path.join(memory, SPLIT ? 'memory.usage_in_bytes' : 'memory.current');
      return Number(readFileSync(file, 'utf8'));
    },
    close: () => {
      for (const folder of folders) rmdirSync(folder);
    },
  };
}
