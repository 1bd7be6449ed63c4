import { setFlagsFromString } from 'node:v8';

/**
 * Loads modules whose functions are compiled now, and stay so.
 *
 * V8 compiles a function at its first call, and forgets what it found unused for a few collections
 * of garbage. What a standby does when its turn comes is both: never called, or long ago. To
 * compile it then made a handoff longer by a third (`npm run bench:failover`).
 */
export async function compileAhead<Module>(load: () => Promise<Module>): Promise<Module> {
  setFlagsFromString('--no-flush-bytecode');
  setFlagsFromString('--no-lazy');
  try {
    return await load();
  } finally {
    setFlagsFromString('--lazy');
  }
}
