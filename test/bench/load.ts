// Whether three daemons of the default profile keep their leader while every processor is at work.
// Exit code 1 when one lost the VIP or stood for election. `npm run bench:load [-- --minutes N]`
import { parseArgs } from 'node:util';
import { playOpening } from '../../src/demo/play.ts';
import { leaderChangesUnderLoad } from '../lab/full-load.ts';
import { onStage } from '../lab/on-stage.ts';
import { machineLine } from './rounds.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } });
await onStage({ nodes: 3, timing: 'profile' }, async (stage) => {
  if (!(await playOpening(stage, () => {}))) throw new Error('the daemons elected no leader');
  const changes = await leaderChangesUnderLoad(stage, Number(values.minutes) * 60_000);
  console.log(`${machineLine()}\n\n${changes.length} changes in ${values.minutes} minutes`);
  for (const change of changes) console.error(`BROKEN: ${change}`);
  process.exitCode = changes.length === 0 ? 0 : 1;
});
