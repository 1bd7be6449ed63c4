import type { Condition, Fault } from './history.ts';
import type { Stage } from './stage.ts';

/** How a fault is done, and how it is undone. */
interface FaultAct {
  /** What is done to `node`, in words. */
  readonly words: (node: string) => string;
  /** What the node is from then on. */
  readonly condition: Condition;
  strike(stage: Stage, node: string): Promise<void>;
  /** How it is put right, in words; missing when nothing is to be. */
  readonly cure?: (node: string) => string;
  heal(stage: Stage, node: string): Promise<void>;
}

export const FAULT_ACTS: Readonly<Record<Fault, FaultAct>> = {
  handoff: {
    words: (node) => `${node} is asked to hand over`,
    condition: 'running',
    strike: async (stage, node) => {
      const result = await stage.handoff(node);
      if (result.kind === 'refused') {
        stage.history.accidents.push(`${node} refused to hand over: ${result.reason}`);
      }
    },
    heal: async () => {},
  },
  stop: {
    words: (node) => `the daemon of ${node} is told to end (SIGTERM)`,
    condition: 'dead',
    strike: async (stage, node) => {
      await stage.daemon(node).end('SIGTERM');
    },
    cure: (node) => `the daemon of ${node} is started again`,
    heal: async (stage, node) => {
      stage.daemon(node).start();
    },
  },
  kill: {
    words: (node) => `the daemon of ${node} is killed (SIGKILL)`,
    condition: 'dead',
    strike: async (stage, node) => {
      await stage.daemon(node).end('SIGKILL');
    },
    cure: (node) => `the daemon of ${node} is started again`,
    heal: async (stage, node) => {
      stage.daemon(node).start();
    },
  },
  freeze: {
    words: (node) => `the daemon of ${node} is frozen (SIGSTOP)`,
    condition: 'frozen',
    strike: async (stage, node) => stage.daemon(node).signal('SIGSTOP'),
    cure: (node) => `the daemon of ${node} runs on (SIGCONT)`,
    heal: async (stage, node) => stage.daemon(node).signal('SIGCONT'),
  },
  unplug: {
    words: (node) => `the cable of ${node} is unplugged`,
    condition: 'unplugged',
    strike: (stage, node) => stage.network.setPlugged(stage.station(node), false),
    cure: (node) => `the cable of ${node} is plugged in again`,
    heal: (stage, node) => stage.network.setPlugged(stage.station(node), true),
  },
};
