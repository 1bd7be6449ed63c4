import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { listeningOn, onStage } from './lab.ts';
import { needsLab } from './namespaces.ts';

const DEBUGGER = '127.0.0.1:9229';

needsLab('signals for other programs neither end the holder nor open a debugger', async () => {
  await onStage({ nodes: 3 }, async (stage) => {
    stage.startDaemons();
    expect(await stage.untilWhole(5000)).toBe(true);
    for (const daemon of stage.daemons) {
      daemon.signal('SIGUSR1');
      daemon.signal('SIGUSR2');
    }
    await sleep(500);
    for (const daemon of stage.daemons) {
      expect(await listeningOn(stage.station(daemon.node))).not.toContain(DEBUGGER);
    }
    expect(stage.history.holding.filter((change) => !change.held)).toEqual([]);
  });
});
