import { mkdtempSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadServices, renewals } from '../native/gate-load.ts';
import { openGateRig, sh, until } from '../native/gate-rig.ts';
import { addRound, printRounds, type Rounds } from './rounds.ts';

/**
 * What a renewal of the gate costs: at one VIP and at 10,000, alone and while another process loads
 * the nf_tables rules of 10,000 Services in one transaction. And how long a gate that the kernel
 * does not protect is gone when somebody flushes the ruleset.
 */

const SERVICES = 10_000;
const TIMEOUT_MS = 50;
const ALONE_MS = 5_000;
const FLUSHES = 30;

const rig = await openGateRig('bench');
const file = `${mkdtempSync('/run/fairlead-bench-')}/services.nft`;
const link = rig.segment.link.name;

for (const vips of [1, 10_000]) {
  const options = { link, vips, timeoutMs: TIMEOUT_MS };
  const alone = await renewals(options, () => sleep(ALONE_MS));
  process.stdout.write(`${vips} VIPs, alone: ${JSON.stringify(alone)}\n`);
}
let loadMs = 0;
const loaded = await renewals({ link, vips: 1, timeoutMs: TIMEOUT_MS }, async () => {
  loadMs = await loadServices(SERVICES, file);
});
const seconds = (loadMs / 1000).toFixed(1);
process.stdout.write(`${SERVICES} Services loaded in ${seconds} s: ${JSON.stringify(loaded)}\n`);

sh('nft flush ruleset');
const rounds: Rounds = new Map();
const gate = await rig.open({
  timeoutMs: TIMEOUT_MS,
  testing: { inetOnly: false, ownerless: true },
});
await gate.arm(rig.vips());
rig.deadlineIn(600_000);
await gate.acquire();
for (let flush = 1; flush <= FLUSHES; flush += 1) {
  await sleep(100);
  sh('nft flush ruleset');
  const took = await until(() => gate.rebuilt === flush && gate.isOpen);
  addRound(rounds, 'from the end of nft(8) to a gate that is made again and open', took);
}
printRounds(rounds, 'ms');
await rig.close();
