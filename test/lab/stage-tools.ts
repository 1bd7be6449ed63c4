import path from 'node:path';
import { askHandoff, askStatus } from '../../src/cli/control-client.ts';
import { loadBinding, nativeExecutable } from '../../src/dataplane/binding.ts';
import type { Program } from '../../src/demo/daemon-process.ts';
import type { StageTools } from '../../src/demo/stage.ts';

const ROOT = path.resolve(import.meta.dirname, '..', '..');

/** The built program, run by the Node that runs the tests. */
export const PROGRAM = [process.execPath, path.join(ROOT, 'bin', 'fairlead.cjs')] as const;

/** What a stage of the lab is built with, its files below `directory`. */
export function stageTools(directory: string, program: Program = PROGRAM): StageTools {
  return {
    binding: loadBinding(),
    netns: nativeExecutable('fairlead-netns'),
    program,
    control: {
      status: (socket) => askStatus({ socket, timeoutMs: 500 }),
      handoff: (socket) => askHandoff(undefined, { socket, timeoutMs: 5000 }),
    },
    directory,
  };
}
