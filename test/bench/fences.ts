// How soon each fence alone ends what a holder serves that can do nothing any more, the other
// fences switched off: `npm run bench:fences [-- --rounds N --profile fast --rows gate]`
import { parseArgs } from 'node:util';
import { playBlow } from '../lab/fence-round.ts';
import { FENCE_ROWS } from '../lab/fence-rows.ts';
import { onFenceStage } from '../lab/fence-stage.ts';
import { addRound, printRounds, type Rounds } from './rounds.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    profile: { type: 'string', default: 'default' },
    rows: { type: 'string', default: '' },
  },
});
const profile = values.profile === 'fast' ? 'fast' : 'default';
const rounds: Rounds = new Map();
for (const row of FENCE_ROWS.filter(({ name }) => name.includes(values.rows))) {
  await onFenceStage(row, profile, async (stage, watchers) => {
    for (let round = 1; round <= Number(values.rounds); round += 1) {
      const fall = await playBlow(stage, watchers, row);
      for (const bound of row.bounds) {
        const name = `${row.name}: ${bound.what}, ≤ ${bound.limitsMs[profile]}`;
        addRound(rounds, name, bound.measure(fall));
        console.error(`${round} ${name}: ${bound.measure(fall).toFixed(1)}`);
      }
      if (fall.resigned !== row.resigns) console.error(`resigned: ${fall.resigned}`);
    }
  });
}
printRounds(rounds, `ms, profile ${profile}`);
