/** `npm run search [-- RULE...]`: searches the small models; tells what breaks without a rule. */
import { SEARCHES } from './searches.ts';

const wanted = process.argv.slice(2);
const chosen = SEARCHES.filter(({ rule }) => wanted.length === 0 || wanted.includes(rule));
let states = 0;
let wrong = 0;
const startedAt = performance.now();
for (const { rule, about, clean, run } of chosen) {
  const verdict = run();
  states += verdict.states;
  const isClean = verdict.trace === undefined;
  if (isClean !== clean) wrong += 1;
  const came = isClean ? 'clean' : 'broken';
  const unexpected = isClean === clean ? '' : `, but should be ${clean ? 'clean' : 'broken'}`;
  const count = String(verdict.states).padStart(8);
  console.log(`${rule}  ${about.padEnd(54)} ${count} states  ${came}${unexpected}`);
  for (const line of verdict.trace ?? []) console.log(`        ${line}`);
}
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
console.log(`${chosen.length} searches, ${states} states, ${seconds} s; ${wrong} unexpected`);
process.exitCode = wrong === 0 && chosen.length > 0 ? 0 : 1;
