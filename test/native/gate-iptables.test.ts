import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { inNamespaces, needsLab } from '../lab/namespaces.ts';
import { renewals, renewalsProgram } from './gate-load.ts';
import {
  type GateRig,
  ONLY_WHILE_OPEN,
  openGateRig,
  reachedByTurns,
  sh,
  T_MS,
} from './gate-rig.ts';

/** A gate beside kube-proxy in mode iptables, over either of the kernel's two backends. */

let rig: GateRig;
const COMPILES_WITHIN_MS = 120_000;
const SERVICES = 500;
const RELOADS = 5;
/** See gate-load.test.ts. */
const LONGEST_MEDIAN_US = 3_000;
const MODES = ['legacy', 'nft'] as const;

beforeAll(async () => {
  if (!inNamespaces) return;
  renewalsProgram();
  rig = await openGateRig('tables');
}, COMPILES_WITHIN_MS);

afterEach(() => {
  if (!inNamespaces) return;
  // Other files' tests share this network.
  sh('nft flush ruleset');
  for (const flag of ['-F', '-X']) {
    for (const table of ['nat', 'filter']) sh(`iptables-legacy -t ${table} ${flag}`);
  }
});

afterAll(async () => {
  if (inNamespaces) await rig.close();
});

/** As kube-proxy writes them: marks what is to be masqueraded, and drops what is in no state. */
function servicesTables(count: number): string {
  const chains: string[] = [];
  const rules: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const [high, low] = [i >> 8, i & 255];
    chains.push(`:KUBE-SVC-${i} - [0:0]`);
    for (const end of [1, 2]) chains.push(`:KUBE-SEP-${i}-${end} - [0:0]`);
    rules.push(
      `-A KUBE-SERVICES -d 10.96.${high}.${low}/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-${i}`,
      `-A KUBE-SVC-${i} ! -s 10.244.0.0/15 -j KUBE-MARK-MASQ`,
      `-A KUBE-SVC-${i} -m statistic --mode random --probability 0.5 -j KUBE-SEP-${i}-1`,
      `-A KUBE-SVC-${i} -j KUBE-SEP-${i}-2`,
      ...[1, 2].map(
        (end) =>
          `-A KUBE-SEP-${i}-${end} -p tcp -m tcp -j DNAT --to-destination 10.${243 + end}.${high}.${low}:8080`,
      ),
    );
  }
  return `*nat
:KUBE-SERVICES - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-MARK-MASQ - [0:0]
${chains.join('\n')}
-A PREROUTING -j KUBE-SERVICES
-A OUTPUT -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -j MASQUERADE
${rules.join('\n')}
COMMIT
*filter
:KUBE-FORWARD - [0:0]
-A FORWARD -j KUBE-FORWARD
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
COMMIT
`;
}

/** Loads them, in one transaction a table; returns a way to load them again. */
async function load(mode: (typeof MODES)[number], count: number): Promise<() => Promise<unknown>> {
  const file = `${mkdtempSync('/run/fairlead-gate-')}/services.v4`;
  writeFileSync(file, servicesTables(count));
  const again = (): Promise<unknown> =>
    promisify(execFile)(`iptables-${mode}-restore`, ['--wait=5', file]);
  await again();
  return again;
}

describe.each(MODES)('beside kube-proxy in mode iptables (%s)', (mode) => {
  needsLab('the gate opens, closes and goes, and leaves the rules alone', async () => {
    await load(mode, 20);
    const rules = (): readonly string[] =>
      sh(`iptables-${mode}-save`)
        .split('\n')
        .filter((line) => line.startsWith('-A'));
    const before = rules();
    expect(before.length).toBeGreaterThan(100);
    expect(await reachedByTurns(rig)).toEqual(ONLY_WHILE_OPEN);
    await rig.tidy();
    expect(rules()).toEqual(before);
  });

  needsLab('renewals take effect while it loads 500 Services again and again', async () => {
    const again = await load(mode, SERVICES);
    const link = rig.segment.link.name;
    const measured = await renewals({ link, vips: 1, timeoutMs: T_MS }, async () => {
      for (let reload = 0; reload < RELOADS; reload += 1) await again();
      await sleep(T_MS);
    });
    expect(measured.lapses).toBe(0);
    expect(measured.p50Us).toBeLessThan(LONGEST_MEDIAN_US);
  });
});
