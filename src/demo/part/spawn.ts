import type { ChildProcess } from 'node:child_process';
import { OperationalError } from '../../core/errors.ts';
import type { Program } from '../daemon-process.ts';
import type { Namespace } from '../namespace.ts';
import type { Part, PartMessage } from './part.ts';

/** A part that plays in a namespace of its own until it is stopped. */
export interface RunningPart {
  stop(): void;
}

/**
 * Starts `part` in `namespace` and waits until it is at work. Messages after that go to
 * `onMessage`.
 *
 * @throws {OperationalError} when it ends before.
 */
export async function startPart(
  namespace: Namespace,
  program: Program,
  part: Part,
  onMessage: (message: PartMessage) => void = () => {},
): Promise<RunningPart> {
  const command = [...program, 'demo-part', JSON.stringify(part)];
  const child = namespace.spawn(command, ['ignore', 'inherit', 'inherit', 'ipc']);
  await untilReady(child, part.part);
  child.on('message', (message: PartMessage) => onMessage(message));
  return { stop: () => void child.kill() };
}

function untilReady(child: ChildProcess, part: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: string): void =>
      reject(
        new OperationalError(`Cannot start the demo's ${part}: ${cause}`, { code: 'not-ready' }),
      );
    child.once('error', ({ message }) => fail(message));
    child.once('exit', (code, signal) => fail(`it ended with ${signal ?? code}`));
    child.once('message', () => resolve());
  });
}
