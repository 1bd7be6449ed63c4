import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { invariant } from '../../../src/core/invariant.ts';
import { createStage, type Stage } from '../../../src/demo/stage.ts';
import { stageTools } from '../../lab/stage-tools.ts';
import { type StoppedThread, stopThread } from '../../lab/stop-thread.ts';
import { type Contender, childrenOf, cutOff } from './contender.ts';
import { ALL_FAULTS, type Fault } from './fault.ts';
import { startReferees } from './referees.ts';

/** Three machines that may all hold, or two and a witness that only votes. */
export type Group = '3' | '2+1';

const WHOLE_LIMIT_MS = 10_000;
const WITNESS = { 'node-3': ['voterOnly: true'] };

/** A stage of real daemons in one profile, below `folder`. */
export async function createFairlead(
  folder: string,
  profile: 'default' | 'fast',
  group: Group,
): Promise<Contender> {
  const directory = path.join(folder, profile);
  mkdirSync(directory);
  const settings = {
    extra: [`profile: ${profile}`],
    extraOf: group === '2+1' ? WITNESS : {},
  };
  const stage = await createStage(stageTools(directory), {
    nodes: 3,
    settings,
    // As a service manager does.
    onAccident: (daemon) => daemon.start(),
  });
  const atClose = (end: () => void): void => stage.atClose(end);
  const referees = await startReferees(stage.network, stage.history.vip, atClose);
  const faults = new StageFaults(stage);
  return {
    name: profile,
    profile,
    faults: ALL_FAULTS,
    referees,
    start: async () => {
      stage.startDaemons();
      if (await stage.untilWhole(WHOLE_LIMIT_MS)) return;
      for (const daemon of stage.daemons) console.error(`log of ${daemon.node}:\n${daemon.log}`);
      throw new Error(`the daemons of profile ${profile} elected no leader`);
    },
    strike: (fault, node) => faults.strike(fault, node),
    heal: (fault, node) => faults.heal(fault, node),
    untilWhole: () => stage.untilWhole(WHOLE_LIMIT_MS),
    accidents: () => stage.history.accidents.splice(0),
    state: () => stateOf(stage),
    close: () => stage.close(),
  };
}

async function stateOf(stage: Stage): Promise<string> {
  const told = await Promise.allSettled(
    stage.daemons.map(async ({ node }) => {
      const { election } = await stage.status(node);
      const { role, holder, term, peers } = election;
      const heard = peers.map(({ id, lastSeenMs }) => `${id} ${lastSeenMs} ms ago`).join(', ');
      return `${node} is ${role} of ${holder} in term ${term}, heard ${heard}`;
    }),
  );
  const words = told.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)));
  return [`held by ${stage.holder}`, ...words].join('; ');
}

class StageFaults {
  readonly #stage: Stage;
  /** The main thread of the struck daemon, on which the event loop runs; or its guard. */
  #blocked: StoppedThread | undefined;
  #frozenGuard = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async strike(fault: Fault, node: string): Promise<void> {
    const daemon = this.#stage.daemon(node);
    switch (fault) {
      case 'handoff': {
        const result = await this.#stage.handoff(node);
        // On a busy machine it may have moved since.
        if (result.kind === 'done' || this.#stage.holder !== node) return;
        this.#stage.history.accidents.push(`${node} refused to hand over: ${result.reason}`);
        return;
      }
      case 'stop':
        await daemon.end('SIGTERM');
        return;
      case 'kill':
        await daemon.end('SIGKILL');
        return;
      case 'freeze':
        daemon.signal('SIGSTOP');
        return;
      case 'block':
        this.#blocked = await stopThread(daemon.pid);
        return;
      case 'kill-both':
        await this.#killBoth(node);
        return;
      case 'freeze-both':
        this.#frozenGuard = guardOf(daemon.pid);
        daemon.signal('SIGSTOP');
        process.kill(this.#frozenGuard, 'SIGSTOP');
        return;
      case 'unplug':
        await this.#stage.network.setPlugged(this.#stage.station(node), false);
        return;
      case 'gone':
        await Promise.all([this.#killBoth(node), cutOff(this.#stage.station(node))]);
        return;
    }
  }

  async heal(fault: Fault, node: string): Promise<void> {
    const { network } = this.#stage;
    const daemon = this.#stage.daemon(node);
    const station = this.#stage.station(node);
    switch (fault) {
      case 'handoff':
        return;
      case 'stop':
      case 'kill':
      case 'kill-both':
        daemon.start();
        return;
      case 'freeze':
        daemon.signal('SIGCONT');
        return;
      case 'block':
        await this.#blocked?.resume();
        return;
      case 'freeze-both':
        daemon.signal('SIGCONT');
        process.kill(this.#frozenGuard, 'SIGCONT');
        return;
      case 'unplug':
        await network.setPlugged(station, true);
        return;
      case 'gone':
        await network.replug(station);
        await network.addAddresses(station);
        daemon.start();
        return;
    }
  }

  /** Both at once: the daemon's end takes longer than the second signal. */
  async #killBoth(node: string): Promise<void> {
    const daemon = this.#stage.daemon(node);
    const guard = guardOf(daemon.pid);
    const ended = daemon.end('SIGKILL');
    process.kill(guard, 'SIGKILL');
    await ended;
  }
}

function guardOf(daemon: number): number {
  const guard = childrenOf(daemon).find(
    (child) => readFileSync(`/proc/${child}/comm`, 'utf8').trim() === 'fairlead-guard',
  );
  invariant(guard !== undefined, `the daemon ${daemon} has a guard`);
  return guard;
}
