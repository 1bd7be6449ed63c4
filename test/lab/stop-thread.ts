import { type ChildProcess, spawn } from 'node:child_process';
import type { Instant } from '../../src/core/time.ts';
import { exitOf } from '../../src/demo/child-exit.ts';
import { compile } from './compile.ts';

/** A thread that does not run, while the others of its process do. */
export interface StoppedThread {
  /** When the kernel confirmed it, in ms of CLOCK_BOOTTIME. */
  readonly at: Instant;
  /** Lets it run on, unless its process was killed meanwhile. Idempotent. */
  resume(): Promise<void>;
}

/**
 * Stops one thread from outside, by a debugger's means. A process id names the main thread: that is
 * an event loop that is blocked. Should this process die, the thread runs on.
 */
export async function stopThread(tid: number): Promise<StoppedThread> {
  const child = spawn(compile('test/native/stop_thread.cc'), [String(tid)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const line = await firstLine(child);
  const ns = /^stopped (\d+)$/.exec(line)?.[1];
  if (ns === undefined) throw new Error(`thread ${tid} was not stopped: "${line}"`);
  return {
    at: Number(ns) / 1e6,
    resume: async () => {
      child.stdin.end();
      await exitOf(child);
    },
  };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve(''));
    child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString().split('\n')[0] ?? ''));
  });
}
