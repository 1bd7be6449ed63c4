import { spawn } from 'node:child_process';
import { expect } from 'vitest';
import { type ChildExit, exitOf } from '../../src/demo/child-exit.ts';
import { PROGRAM } from './lab.ts';
import { needsNamespaces } from './namespaces.ts';

interface Run {
  readonly exit: ChildExit;
  readonly out: string;
  readonly err: string;
}

/** Runs `fairlead demo` as a person would, without a terminal, and calls back at each line. */
async function demo(
  flags: readonly string[],
  seen: (line: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
): Promise<Run> {
  const [node, main] = PROGRAM;
  const child = spawn(node, [main, 'demo', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    seen(out, (signal) => void child.kill(signal));
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const exit = await exitOf(child);
  return { exit, out, err };
}

needsNamespaces('fairlead demo --json ends with one document, and talks on stderr', async () => {
  const { exit, out, err } = await demo(['--json', '--faults', 'handoff,kill']);
  expect(exit.code, err).toBe(0);
  const report: unknown = JSON.parse(out);
  expect(report).toMatchObject({
    apiVersion: 'fairlead.io/v1',
    kind: 'DemoReport',
    nodes: 3,
    broken: [],
    faults: [
      { fault: 'handoff', twoHoldersMs: 0, gapMs: expect.any(Number) },
      { fault: 'kill', twoHoldersMs: 0, takeoverMs: expect.any(Number) },
    ],
  });
  expect(err).toContain('leads and holds');
});

needsNamespaces(
  'without a terminal it tells what happens line by line, then the table',
  async () => {
    const { exit, out } = await demo(['--nodes', '2', '--faults', 'stop']);
    expect(exit.code, out).toBe(0);
    expect(out).toContain('Two nodes cannot outvote the loss of one');
    expect(out).toMatch(/^ +\d+\.\d s {2}stop: the daemon of node-\d is told to end/m);
    expect(out).toMatch(/^FAULT +FROM +TO +GAP +TWO HOLDERS +REQUESTS FAILED$/m);
    expect(out).toMatch(/^stop +node-\d +node-\d +\d+ ms +0 ms +\d+ of \d+$/m);
    expect(out).not.toContain('\x1b');
  },
);

needsNamespaces('a signal ends it at once, with everything that it started', async () => {
  let sent = false;
  const { exit, out } = await demo([], (text, kill) => {
    if (sent || !text.includes('leads and holds')) return;
    sent = true;
    kill('SIGINT');
  });
  expect(sent).toBe(true);
  expect(exit.code).toBe(130);
  expect(out).not.toContain('FAULT');
});
