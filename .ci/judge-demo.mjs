// Reads the report of `fairlead demo --json` and says what in it is not as promised.
import { readFileSync } from 'node:fs';

/** The demo's default faults. */
const FAULTS = ['handoff', 'kill', 'freeze', 'unplug'];
/** Far above what was measured (40–350 ms), since this machine may be busy with anything. */
const LONGEST_GAP_MS = 2000;

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const wrong = [...report.broken];
for (const name of FAULTS) {
  const result = report.faults.find(({ fault }) => fault === name);
  if (result === undefined) {
    wrong.push(`${name} was not tried`);
    continue;
  }
  const { from, to, gapMs, twoHoldersMs, requests } = result;
  if (to === undefined || to === from) wrong.push(`${name}: nobody took over from ${from}`);
  if (twoHoldersMs !== 0) wrong.push(`${name}: two holders for ${twoHoldersMs} ms`);
  if (!(gapMs <= LONGEST_GAP_MS)) wrong.push(`${name}: ${gapMs} ms without an answer`);
  if (!(requests.failed < requests.total)) wrong.push(`${name}: no request was answered`);
  console.log(`${name}: ${gapMs} ms without an answer, ${requests.failed} requests failed`);
}
for (const line of wrong) console.error(line);
process.exitCode = wrong.length === 0 ? 0 : 1;
