import { readdirSync, readFileSync } from 'node:fs';
import { loadBinding } from '../../../src/dataplane/binding.ts';
import type { Namespace } from '../../../src/demo/namespace.ts';
import type { Fault } from './fault.ts';
import type { Referees } from './referees.ts';

/** Three machines that keep one VIP by one program in one setting, and those who watch them. */
export interface Contender {
  readonly name: string;
  /** The profile whose goals it is measured by; missing for those whose promises are not ours. */
  readonly profile?: 'default' | 'fast';
  readonly faults: readonly Fault[];
  readonly referees: Referees;
  /** Starts everything and waits until one node holds the VIP. */
  start(): Promise<void>;
  /** Resolves when it is done, which may be after another node has the VIP. */
  strike(fault: Fault, node: string): Promise<void>;
  heal(fault: Fault, node: string): Promise<void>;
  /** Waits until all nodes follow one; false when they do not in time. */
  untilWhole(): Promise<boolean>;
  /** What happened since the last call that nobody did, in words. */
  accidents(): readonly string[];
  /** What everybody believes at present, in words. */
  state(): Promise<string>;
  close(): Promise<void>;
}

/** Takes the cable away for good, both ends of it, before anybody could notice that it is late. */
export async function cutOff(station: Namespace): Promise<void> {
  const binding = loadBinding();
  const kernel = binding.openKernel({ netns: station.path });
  try {
    await binding.deleteLink(kernel, { name: 'eth0' });
  } finally {
    binding.closeKernel(kernel);
  }
}

/** The children of all threads of a process (proc_pid_task(5)). */
export function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
      .split(' ')
      .filter((word) => word !== '')
      .map(Number),
  );
}
