import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { OperationalError } from '../core/errors.ts';
import { exitOf } from './child-exit.ts';

/** A network namespace that lives until it is closed, or until this process dies. */
export interface Namespace {
  readonly name: string;
  /** Names it to setns(2): `/proc/PID/ns/net`. */
  readonly path: string;
  /** The command, with arguments, that runs `command` in it. */
  inside(command: readonly string[]): readonly [string, ...string[]];
  /** Starts `command` in it. */
  spawn(command: readonly string[], stdio: StdioOptions): ChildProcess;
  /** Lets go of it: it ends, with its links, when the last process in it has. Idempotent. */
  close(): Promise<void>;
}

/**
 * Makes a network namespace with nothing but `lo` in it, held by a small process.
 *
 * @param netns the `fairlead-netns` executable.
 * @throws {OperationalError} when the kernel refuses.
 */
export async function holdNamespace(netns: string, name: string): Promise<Namespace> {
  const holder = spawn(netns, ['hold'], { stdio: ['pipe', 'pipe', 'inherit'] });
  await untilReady(holder, `make the network "${name}"`);
  const path = `/proc/${holder.pid}/ns/net`;
  const inside = (command: readonly string[]): readonly [string, ...string[]] => [
    netns,
    'enter',
    path,
    '--',
    ...command,
  ];
  return {
    name,
    path,
    inside,
    spawn: (command, stdio) => {
      const [executable, ...rest] = inside(command);
      return spawn(executable, rest, { stdio });
    },
    close: async () => {
      holder.stdin.end();
      await exitOf(holder);
    },
  };
}

/**
 * Waits for the first line of a child that says `ready` when it is.
 *
 * @throws {OperationalError} when it ends before it said so.
 */
export async function untilReady(child: ChildProcess, action: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: string): void =>
      reject(new OperationalError(`Cannot ${action}: ${cause}`, { code: 'not-ready' }));
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code, signal) => fail(`it ended with ${signal ?? code}`));
    child.stdout?.once('data', () => resolve());
  });
  child.removeAllListeners('exit');
  child.removeAllListeners('error');
}
