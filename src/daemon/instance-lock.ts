import { createServer, type Server } from 'node:net';
import { OperationalError } from '../core/errors.ts';

/** Held for as long as this process is the one that serves for its instance on this machine. */
export interface InstanceLock {
  release(): Promise<void>;
}

const RETRY_MS = 100;

/**
 * Takes the lock of `instance`: an abstract Unix socket (unix(7)). It belongs to the network
 * namespace, as the addresses do, so it excludes also a second process in another container of the
 * host network, and the kernel releases it with the process.
 *
 * @param patienceMs how long to wait for a predecessor that is on its way out.
 * @throws {OperationalError} `already-running` when it is still held after that.
 */
export async function takeInstanceLock(
  instance: string,
  patienceMs: number,
): Promise<InstanceLock> {
  const attempts = Math.max(1, Math.ceil(patienceMs / RETRY_MS));
  for (let attempt = 1; ; attempt += 1) {
    const server = await listen(`\0fairlead/${instance}`);
    if (server !== undefined) return { release: () => close(server) };
    if (attempt >= attempts) break;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  throw new OperationalError(`Cannot start instance "${instance}": another process is running it`, {
    code: 'already-running',
    hint: 'Stop the other process first, or give this one a name of its own with the option "instance"',
  });
}

function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    // Nobody is meant to connect; whoever does is sent away.
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen({ path }, () => {
      server.unref();
      resolve(server);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
