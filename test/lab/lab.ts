import { vi } from 'vitest';

// A story takes 10 s; on a machine that does other things too, it may take three times as long.
vi.setConfig({ testTimeout: 40_000 });

export {
  addressesOf,
  listeningOn,
  macOf,
  neighbourOf,
  onStage,
  run,
} from './on-stage.ts';
export { PROGRAM } from './stage-tools.ts';
