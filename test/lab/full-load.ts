import { spawn } from 'node:child_process';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from '../../src/demo/stage.ts';

/** A loop that does nothing as fast as it can. */
const BURN = ['sh', '-c', 'while :; do :; done'] as const;

/**
 * Keeps every processor at work for `durationMs` by a loop of the usual priority on each, and
 * resolves with each change of the holder and of the election's terms meanwhile, in words: none is
 * what is wanted. The daemons must follow one leader already.
 */
export async function leaderChangesUnderLoad(
  stage: Stage,
  durationMs: number,
): Promise<readonly string[]> {
  const before = await termsOf(stage);
  const { length: moves } = stage.history.holding;
  const [shell, ...rest] = BURN;
  const burners = os.cpus().map(() => spawn(shell, rest, { stdio: 'ignore' }));
  try {
    await sleep(durationMs);
  } finally {
    for (const burner of burners) burner.kill('SIGKILL');
  }
  const after = await termsOf(stage);
  // A refreshed lifetime is told as an arrival.
  const lost = stage.history.holding.slice(moves).filter(({ held }) => !held);
  return [
    ...lost.map(({ node }) => `${node} lost the VIP`),
    ...after.flatMap((term, index) =>
      term === before[index] ? [] : [`${before[index]}: ${term}`],
    ),
    ...stage.history.accidents,
  ];
}

function termsOf(stage: Stage): Promise<readonly string[]> {
  const asked = stage.daemons.map(async ({ node }) => {
    const { election } = await stage.status(node);
    return `${node} in term ${election.term} under ${election.holder}`;
  });
  return Promise.all(asked);
}
