import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { invariant } from '../core/invariant.ts';
import { type ChildExit, exitOf } from './child-exit.ts';
import type { Namespace } from './namespace.ts';
import type { NodeFiles } from './node-files.ts';

/** How to start fairlead itself: Node and the program, or what a test puts before them. */
export type Program = readonly [executable: string, ...rest: string[]];

/** One node's daemon: the built program, as an operator would start it, in the node's namespace. */
export class DaemonProcess {
  readonly node: string;
  readonly files: NodeFiles;
  readonly #namespace: Namespace;
  readonly #program: Program;
  #child: ChildProcess | undefined;
  /** Set while its end is wanted, so that any other is seen as an accident. */
  #endWanted = false;
  readonly #onAccident: (daemon: DaemonProcess, exit: ChildExit) => void;

  constructor(
    namespace: Namespace,
    program: Program,
    files: NodeFiles,
    onAccident: (daemon: DaemonProcess, exit: ChildExit) => void,
  ) {
    this.node = namespace.name;
    this.files = files;
    this.#namespace = namespace;
    this.#program = program;
    this.#onAccident = onAccident;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    invariant(pid !== undefined, `the daemon of ${this.node} was never started`);
    return pid;
  }

  /** What it wrote so far, in all its lives. */
  get log(): string {
    return readFileSync(this.files.log, 'utf8');
  }

  /** Starts it, its log appended to the node's. Returns at once: it is not at work yet. */
  start(): void {
    const log = openSync(this.files.log, 'a');
    const command = [...this.#program, 'run', '-c', this.files.config];
    const child = this.#namespace.spawn(command, ['ignore', log, log]);
    closeSync(log);
    this.#child = child;
    this.#endWanted = false;
    child.once('exit', (code, signal) => {
      if (!this.#endWanted) this.#onAccident(this, { code, signal });
    });
  }

  /** Sends a signal that it is to survive. */
  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  /** Ends it by `signal` and waits until it is gone. Undefined when it was never started. */
  async end(signal: 'SIGTERM' | 'SIGKILL' | 'SIGINT'): Promise<ChildExit | undefined> {
    const child = this.#child;
    if (child === undefined) return undefined;
    this.#endWanted = true;
    child.kill(signal);
    return await exitOf(child);
  }

  /** Waits for an end that it comes to by itself, as it does when it refuses to start. */
  async ended(): Promise<ChildExit> {
    const child = this.#child;
    invariant(child !== undefined, `the daemon of ${this.node} was never started`);
    this.#endWanted = true;
    return await exitOf(child);
  }
}
