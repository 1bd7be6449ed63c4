import { Cluster } from './cluster.ts';
import { scheduleFaults } from './faults.ts';
import type { Tally, Violation } from './referee.ts';
import { completeScenario, recoveryBoundMs, type Scenario } from './scenario.ts';

export interface Outcome {
  readonly violation: Violation | undefined;
  readonly tally: Tally;
  /** What happened, a line each, when it was to be traced. */
  readonly story: readonly string[];
}

/** Runs one scenario from its start to its end, or to the first thing that breaks. */
export function simulate(scenario: Scenario, traced = false): Outcome {
  const cluster = new Cluster(scenario, traced);
  const { agenda, referee } = cluster;
  if (scenario.faults.some((fault) => fault.kind === 'replay')) cluster.network.recorded = [];
  for (const site of cluster.sites) {
    agenda.after(50 * cluster.random.next(), () => cluster.start(site));
  }
  scheduleFaults(cluster);
  const broken = (): boolean => referee.violation !== undefined;
  agenda.runUntil(scenario.healedAt + recoveryBoundMs(scenario.profile), broken);
  if (!broken()) referee.checkRecovery();
  const rolesThen = broken() ? 0 : referee.roleChanges;
  agenda.runUntil(scenario.endsAt, broken);
  if (!broken() && referee.roleChanges !== rolesThen) {
    referee.break('unrest', 'roles changed although nothing goes wrong any more');
  }
  return { violation: referee.violation, tally: referee.tally, story: referee.story ?? [] };
}

/** Leaves out one fault after the other, as long as the same rule is still broken. */
export function shorten(scenario: Scenario, rule: Violation['rule']): Scenario {
  let shortest = scenario;
  for (let index = 0; index < shortest.faults.length; ) {
    const faults = shortest.faults.toSpliced(index, 1);
    const shorter = completeScenario({ ...shortest, faults });
    if (simulate(shorter).violation?.rule === rule) shortest = shorter;
    else index += 1;
  }
  return shortest;
}
