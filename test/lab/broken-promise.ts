import { everTwoHolders, type HoldingChange } from '../../src/demo/holding.ts';

/**
 * What must never have happened, did: however the machine ran, and whatever a second try would
 * say (test/lab/tell-again.ts).
 */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

/**
 * Fails if two nodes ever had the VIP at once.
 *
 * @throws {BrokenPromise}
 */
export function expectOneHolder(changes: readonly HoldingChange[]): void {
  if (!everTwoHolders(changes, { from: 0, until: Infinity })) return;
  const told = changes.map(({ at, node, held }) => `${at} ${node} ${held ? 'has' : 'lost'} it`);
  throw new BrokenPromise(`Two nodes had the VIP at once:\n${told.join('\n')}`);
}
