import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Instant } from '../../src/core/time.ts';
import { untilReady } from '../../src/demo/namespace.ts';
import type { Station } from '../../src/demo/network.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { compile } from './compile.ts';
import { macOf, run } from './on-stage.ts';

/** An address of the segment that nobody has. */
const ASKER = '192.0.2.51';
const PING_INTERVAL_SECONDS = '0.005';
const SAMPLE_INTERVAL_MS = 2;

/** What one node still does for the VIP. */
export interface NodeWatch {
  /** When it last answered for the VIP a request that all hear. */
  answeredAt(): Instant;
  /** When its kernel last took a packet for the VIP in, by the kernel's own counter. */
  acceptedAt(): Instant;
  stop(): Promise<void>;
}

/** A client that asks everyone by ARP who has the VIP, every 5 ms. */
export interface Answers {
  /**
   * Has the client send pings for the VIP to `node` and nobody else, whoever announces it, until
   * the watch is stopped.
   */
  watch(node: Station): Promise<NodeWatch>;
}

export async function startAnswers(stage: Stage): Promise<Answers> {
  const { client } = stage.network;
  const command = [compile('test/native/claimants.cc'), 'eth0', stage.history.vip, ASKER];
  const child = client.spawn(command, ['ignore', 'pipe', 'inherit']);
  stage.atClose(() => void child.kill('SIGKILL'));
  if (child.stdout === null) throw new Error('claimants has no output');
  await untilReady(child, 'ask who has the VIP');
  const answeredAt = new Map<string, Instant>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [, ns, mac = ''] = line.split(' ');
    answeredAt.set(mac, Number(ns) / 1e6);
  });
  return {
    watch: async (node) => {
      const mac = await macOf(node);
      const pings = await pingOnly(stage, mac);
      const echoes = countEchoes(stage, node);
      return {
        answeredAt: () => answeredAt.get(mac) ?? -Infinity,
        acceptedAt: echoes.lastAt,
        stop: async () => {
          echoes.stop();
          await pings.stop();
        },
      };
    },
  };
}

/** Pings the VIP at `mac`, where it stays for the client even when another node announces it. */
async function pingOnly(stage: Stage, mac: string): Promise<{ stop(): Promise<void> }> {
  const { client } = stage.network;
  const { vip } = stage.history;
  const entry = ['neigh', 'replace', vip, 'dev', 'eth0', 'lladdr', mac, 'nud', 'permanent'];
  await run(client, 'ip', ...entry);
  const child = client.spawn(['ping', '-q', '-i', PING_INTERVAL_SECONDS, vip], 'ignore');
  stage.atClose(() => void child.kill('SIGKILL'));
  return {
    stop: async () => {
      child.kill('SIGKILL');
      await run(client, 'ip', 'neigh', 'del', vip, 'dev', 'eth0');
    },
  };
}

/** Looks at the counter of echo requests of a node's kernel (proc_net_snmp, RFC 4293). */
function countEchoes(
  stage: Stage,
  node: Station,
): { readonly lastAt: () => Instant; readonly stop: () => void } {
  const file = path.join(path.dirname(node.path), '..', 'net', 'snmp');
  let known = echoesIn(file);
  let last = Number.NEGATIVE_INFINITY;
  const timer = setInterval(() => {
    const count = echoesIn(file);
    if (count !== known) last = stage.now();
    known = count;
  }, SAMPLE_INTERVAL_MS);
  return { lastAt: () => last, stop: () => clearInterval(timer) };
}

function echoesIn(file: string): number {
  const [names, values] = [...readFileSync(file, 'utf8').matchAll(/^Icmp: (.*)$/gm)].map((match) =>
    (match[1] ?? '').split(' '),
  );
  return Number(values?.[names?.indexOf('InEchos') ?? -1]);
}
