import { mkdtempSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect } from 'vitest';
import { inNamespaces, needsLab } from '../lab/namespaces.ts';
import { loadServices, renewals, renewalsProgram } from './gate-load.ts';
import { type GateRig, ONLY_WHILE_OPEN, openGateRig, reachedByTurns, sh } from './gate-rig.ts';

/** A gate beside others that use nf_tables: fencing.md, C4 and C5. */

let rig: GateRig;
const COMPILES_WITHIN_MS = 120_000;
const T_MS = 300;
/** A renewal takes 0.1 ms, and 1 ms at most where the machine is not shared. */
const LONGEST_MEDIAN_US = 3_000;

beforeAll(async () => {
  if (!inNamespaces) return;
  renewalsProgram();
  rig = await openGateRig('load');
}, COMPILES_WITHIN_MS);

afterAll(async () => {
  if (inNamespaces) await rig.close();
});

needsLab('renewals take effect while another process loads 500 Services', async () => {
  const file = `${mkdtempSync('/run/fairlead-gate-')}/services.nft`;
  const link = rig.segment.link.name;
  const measured = await renewals({ link, vips: 1, timeoutMs: T_MS }, async () => {
    await sleep(T_MS);
    await loadServices(500, file);
    await sleep(T_MS);
  });
  expect(measured.lapses).toBe(0);
  expect(measured.p50Us).toBeLessThan(LONGEST_MEDIAN_US);
  sh('nft delete table ip kube-proxy');
});

needsLab('a renewal of 10,000 VIPs is one of one VIP', async () => {
  const link = rig.segment.link.name;
  const measured = await renewals({ link, vips: 10_000, timeoutMs: T_MS }, () => sleep(10 * T_MS));
  expect(measured.lapses).toBe(0);
  expect(measured.p50Us).toBeLessThan(LONGEST_MEDIAN_US);
});

needsLab('the gate works beside connection tracking and the tables of Services', async () => {
  const file = `${mkdtempSync('/run/fairlead-gate-')}/services.nft`;
  await loadServices(20, file);
  sh(
    'nft add table ip track; nft add chain ip track arriving "{ type filter hook prerouting priority 0; }"',
  );
  sh('nft add rule ip track arriving ct state invalid drop');
  expect(await reachedByTurns(rig)).toEqual(ONLY_WHILE_OPEN);
  await rig.tidy();
  expect(sh('nft list tables').trim().split('\n').sort()).toEqual([
    'table ip kube-proxy',
    'table ip track',
  ]);
  sh('nft flush ruleset');
});
