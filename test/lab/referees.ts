import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import { holdingsOf, type Span } from '../../src/demo/holding.ts';
import { untilReady } from '../../src/demo/namespace.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { BrokenPromise, expectOneHolder } from './broken-promise.ts';
import { compile } from './compile.ts';
import { type IpMonitor, startIpMonitor } from './ip-monitor.ts';
import { macOf } from './lab.ts';

/** An address of the segment that nobody has. */
const ASKER = '192.0.2.51';

/** Who has the VIP: by what ip(8) prints, and by who answers when the whole segment is asked. */
export interface Referees {
  /**
   * Fails if two daemons ever held the VIP at once, or two of their machines answered one question.
   *
   * @param strangers machines that claim the VIP and run no daemon.
   * @throws {BrokenPromise}
   */
  judge(strangers?: readonly string[]): void;
  /** How many questions somebody answered. */
  answered(): number;
}

interface Answer {
  readonly request: number;
  readonly mac: string;
}

/** Starts `ip monitor` for all networks, and a client that asks for the VIP by ARP every 5 ms. */
export async function startReferees(stage: Stage): Promise<Referees> {
  const monitor: IpMonitor = await startIpMonitor(stage);
  const { nodes, client, backends } = stage.network;
  const names = new Map<string, string>();
  for (const station of [...nodes, client, backends]) names.set(await macOf(station), station.name);
  const command = [compile('test/native/claimants.cc'), 'eth0', stage.history.vip, ASKER];
  const child = client.spawn(command, ['ignore', 'pipe', 'inherit']);
  stage.atClose(() => void child.kill('SIGKILL'));
  const answers: Answer[] = [];
  if (child.stdout === null) throw new Error('claimants has no output');
  await untilReady(child, 'ask who has the VIP');
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [request, , mac = ''] = line.split(' ');
    answers.push({ request: Number(request), mac });
  });
  return {
    judge: (strangers = []) => {
      const printed = monitor
        .holding(stage.history.vip)
        .filter(({ node }) => !strangers.includes(node));
      expectOneHolder(printed);
      const ours = answers.filter(({ mac }) => !strangers.includes(names.get(mac) ?? ''));
      expect(ours.length).toBeGreaterThan(0);
      const twice = askedTwo(ours);
      if (twice.length === 0) return;
      throw new BrokenPromise(`Two machines answered the questions ${twice.join(', ')}`);
    },
    answered: () => new Set(answers.map(({ request }) => request)).size,
  };
}

/** The questions that two machines answered. */
function askedTwo(answers: readonly Answer[]): readonly number[] {
  const first = new Map<number, string>();
  return answers
    .filter(({ request, mac }) => {
      const before = first.get(request) ?? mac;
      first.set(request, before);
      return before !== mac;
    })
    .map(({ request }) => request);
}

/** For which part of `span` some node had the VIP: 1 for all of it. */
export function shareHeld(stage: Stage, span: Span): number {
  const held = holdingsOf(stage.history.holding)
    .map(({ from, until = Infinity }) => {
      return Math.min(until, span.until) - Math.max(from, span.from);
    })
    .filter((ms) => ms > 0);
  return held.reduce((sum, ms) => sum + ms, 0) / (span.until - span.from);
}

/** The greatest term that any node knows of whose daemon runs. */
export async function termOf(stage: Stage): Promise<number> {
  const all = await Promise.allSettled(stage.daemons.map(({ node }) => stage.status(node)));
  const terms = all.map((one) => (one.status === 'fulfilled' ? one.value.election.term : 0));
  return Math.max(...terms);
}
