/** Makes each fault of a scenario happen to a cluster, and undoes it when its time is over. */
import type { Cluster, Site } from './cluster.ts';
import { between } from './network.ts';
import { count } from './referee.ts';
import type { Fault, FaultKind, ListChange, Victim } from './scenario.ts';

type FaultOf<Kind extends FaultKind> = Extract<Fault, { kind: Kind }>;

/** How the rest of a fault's effect is undone; nothing when it passes by itself. */
type Undo = (() => void) | undefined;

/** Puts every fault of the scenario on the cluster's agenda. */
export function scheduleFaults(cluster: Cluster): void {
  const { agenda, referee } = cluster;
  for (const fault of cluster.scenario.faults) {
    agenda.at(fault.at, () => {
      referee.tell(`-- ${describe(fault)}`);
      const undo = begin(cluster, fault);
      if (undo === undefined) return;
      agenda.at(fault.until, () => {
        referee.tell(`-- end of ${fault.kind}`);
        undo();
      });
    });
  }
}

function describe(fault: Fault): string {
  const { kind, at, until, ...rest } = fault;
  const words = Object.entries(rest).map(([name, value]) => {
    const text = typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(2) : value;
    return `${name} ${String(text)}`;
  });
  return `${kind} for ${(until - at).toFixed(0)} ms: ${words.join(', ')}`;
}

function begin(cluster: Cluster, fault: Fault): Undo {
  switch (fault.kind) {
    case 'loss':
    case 'duplication':
    case 'reordering':
    case 'delay':
    case 'partition':
    case 'isolation':
    case 'replay':
      return disturbNetwork(cluster, fault);
    case 'pause':
    case 'hesitation':
    case 'suspension':
    case 'ineligibility':
      return disturbProcess(cluster, fault, victimOf(cluster, fault.victim));
    case 'crash':
      return crash(cluster, fault, [victimOf(cluster, fault.victim)]);
    case 'power-cut':
      return crash(cluster, { ...fault, guardSurvives: false }, voterSites(cluster));
    case 'twin':
      return doubleId(cluster, fault);
    case 'handoff':
      return handOff(cluster, fault);
    case 'list-edit':
      return editLists(cluster, fault);
    case 'list-change':
      return changeList(cluster, fault);
    case 'profile-change':
      return changeProfile(cluster, fault);
  }
}

function voterSites(cluster: Cluster): Site[] {
  return cluster.sites.filter((site) => !site.twin && site.voters.includes(site.id));
}

function victimOf(cluster: Cluster, victim: Victim): Site {
  const chosen = victim === 'leader' ? cluster.leaderSite() : cluster.sites[victim];
  const site = chosen ?? cluster.sites[cluster.scenario.seed % cluster.scenario.nodes];
  if (site === undefined) throw new RangeError(`Cannot find the site ${victim}`);
  return site;
}

/** Puts `rule` in force; undone by taking it out again. */
function enforce<Rule>(rules: Set<Rule>, rule: Rule): Undo {
  rules.add(rule);
  return () => rules.delete(rule);
}

function disturbNetwork(
  cluster: Cluster,
  fault: FaultOf<
    'loss' | 'duplication' | 'reordering' | 'delay' | 'partition' | 'isolation' | 'replay'
  >,
): Undo {
  const { network } = cluster;
  switch (fault.kind) {
    case 'loss': {
      const { probability, victim } = fault;
      if (victim === 'all') return enforce(network.losses, { probability, applies: () => true });
      const applies = between(1 << victimOf(cluster, victim).place, 'both');
      return enforce(network.losses, { probability, applies });
    }
    case 'duplication':
      return enforce(network.doublings, fault);
    case 'reordering':
      return enforce(network.jitters, fault);
    case 'delay': {
      const applies = between(1 << victimOf(cluster, fault.victim).place, fault.way);
      return enforce(network.delays, { delayMs: fault.delayMs, applies });
    }
    case 'partition':
      return enforce(network.cuts, { applies: between(fault.side, fault.way) });
    case 'isolation': {
      const side = 1 << victimOf(cluster, fault.victim).place;
      return enforce(network.cuts, { applies: between(side, fault.way) });
    }
    case 'replay':
      return replay(cluster, fault);
  }
}

/** An adversary that has kept what it heard sends it again, in any order, to whom it was sent. */
function replay(cluster: Cluster, fault: FaultOf<'replay'>): Undo {
  const site = victimOf(cluster, fault.victim);
  const kept = cluster.network.recorded?.filter((datagram) => datagram.to === site.id) ?? [];
  const { agenda, random, network, referee } = cluster;
  const again = (): void => {
    if (agenda.now >= fault.until || kept.length === 0) return;
    count(referee.tally, 'replays');
    network.inject(site.place, random.pick(kept), 0.1);
    agenda.after(fault.everyMs, again);
  };
  again();
  return undefined;
}

function disturbProcess(
  cluster: Cluster,
  fault: FaultOf<'pause' | 'hesitation' | 'suspension' | 'ineligibility'>,
  site: Site,
): Undo {
  const { voter, machine } = site;
  switch (fault.kind) {
    case 'pause':
      voter?.pause(fault.until);
      return undefined;
    case 'suspension':
      machine.suspendedUntil = Math.max(machine.suspendedUntil, fault.until);
      // The guard is first when the machine wakes up, and outside the promise until then.
      voter?.pause(fault.until + 0.1);
      return undefined;
    case 'hesitation':
      if (voter === undefined) return undefined;
      voter.hesitation = fault;
      return () => {
        voter.hesitation = undefined;
      };
    case 'ineligibility':
      site.obstacles += 1;
      cluster.judge(site);
      return () => {
        site.obstacles -= 1;
        cluster.judge(site);
      };
  }
}

function crash(
  cluster: Cluster,
  fault: { readonly guardSurvives: boolean; readonly file: 'kept' | 'stale' | 'lost' },
  sites: readonly Site[],
): Undo {
  for (const site of sites) {
    site.down += 1;
    cluster.stop(site, fault);
  }
  return () => {
    for (const site of sites) {
      site.down -= 1;
      startSoon(cluster, site);
    }
  };
}

/**
 * A process that takes another's place waits for that one's guard (an abstract socket is the lock).
 */
function startSoon(cluster: Cluster, site: Site): void {
  const retry = (): void => {
    if (site.voter?.alive !== true && site.voter?.fence.bound === true) {
      cluster.agenda.after(5, retry);
    } else {
      cluster.start(site);
    }
  };
  cluster.agenda.after(1 + 9 * cluster.random.next(), retry);
}

function restart(cluster: Cluster, site: Site): void {
  cluster.stop(site, { guardSurvives: true, file: 'kept' });
  startSoon(cluster, site);
}

function doubleId(cluster: Cluster, fault: FaultOf<'twin'>): Undo {
  const first = victimOf(cluster, fault.victim);
  const displaced = cluster.sites[(fault.victim + 1) % cluster.scenario.nodes];
  const elsewhere = fault.place === 'elsewhere' && displaced !== undefined;
  if (elsewhere) {
    displaced.down += 1;
    cluster.stop(displaced, { guardSurvives: false, file: 'kept' });
  }
  const twin = cluster.addSite(first.id, first.voters, elsewhere ? displaced : first);
  twin.file = fault.file === 'lost' ? undefined : first.file;
  cluster.twinPlace = fault.place;
  cluster.twinSite = twin;
  cluster.start(twin);
  return () => {
    twin.down += 1;
    cluster.stop(twin, { guardSurvives: false, file: 'kept' });
    cluster.twinSite = undefined;
    if (!elsewhere) return;
    displaced.down -= 1;
    startSoon(cluster, displaced);
  };
}

function handOff(cluster: Cluster, fault: FaultOf<'handoff'>): Undo {
  const { network } = cluster;
  const target = fault.target === undefined ? undefined : cluster.sites[fault.target]?.id;
  const echo = fault.lateMs;
  network.resignationEchoMs = Math.max(network.resignationEchoMs, echo);
  cluster.leaderSite()?.voter?.order({ kind: 'handoff', target });
  return () => {
    network.resignationEchoMs = 0;
  };
}

/**
 * What an operator must not do: edits the list in some nodes' files and restarts them one after the
 * other, while a new node starts with the new list.
 */
function editLists(cluster: Cluster, fault: FaultOf<'list-edit'>): Undo {
  const before = voterSites(cluster)[0]?.voters ?? [];
  if (cluster.listChanging) return undefined;
  const spare = fault.change === 'remove' ? undefined : cluster.addSite(freeId(cluster), before);
  const list = changed(before, fault.change, spare?.id);
  if (list.length < 2) return undefined;
  cluster.listChanging = true;
  const victims = fault.victims
    .map((place) => cluster.sites[place])
    .filter((site) => site !== undefined)
    .filter((site) => list.includes(site.id) && !site.twin);
  const all: Site[] = [...(spare === undefined ? [] : [spare]), ...victims];
  for (const [index, site] of all.entries()) {
    site.edited = true;
    cluster.agenda.after(index * 200 * cluster.random.next(), () => {
      // A node that has forgotten its list would take any; that is the operator's care, not the
      // rule's.
      if (!site.edited || (site !== spare && site.file === undefined)) return;
      site.voters = list;
      restart(cluster, site);
    });
  }
  return () => {
    cluster.listChanging = false;
    for (const site of all) {
      site.edited = false;
      site.voters = before;
      restart(cluster, site);
    }
  };
}

function freeId(cluster: Cluster): string {
  return 'pqrstuvwxyz'[cluster.sites.length] ?? 'o';
}

function changed(
  list: readonly string[],
  change: ListChange,
  spare: string | undefined,
): readonly string[] {
  const kept = change === 'add' ? list : list.slice(0, -1);
  return (spare === undefined ? [...kept] : [...kept, spare]).sort();
}

/**
 * What an operator is told to do: everything stops, forgets its list, and starts with the new one.
 */
function changeList(cluster: Cluster, fault: FaultOf<'list-change'>): Undo {
  const sites = voterSites(cluster);
  const before = sites[0]?.voters ?? [];
  if (cluster.listChanging || (fault.change === 'remove' && before.length < 3)) return undefined;
  cluster.listChanging = true;
  const spare = fault.change === 'add' ? cluster.addSite(freeId(cluster), before) : undefined;
  const list = changed(before, fault.change, spare?.id);
  if (spare !== undefined) sites.push(spare);
  count(cluster.referee.tally, 'listChanges');
  for (const site of sites) {
    site.down += 1;
    cluster.stop(site, { guardSurvives: true, file: 'lost' });
    site.voters = list;
  }
  return () => {
    cluster.listChanging = false;
    for (const site of sites) {
      site.down -= 1;
      startSoon(cluster, site);
    }
  };
}

/** A rolling change of profile, there and back: for a while, nodes promise for different times. */
function changeProfile(cluster: Cluster, fault: FaultOf<'profile-change'>): Undo {
  const sites = fault.victims
    .map((place) => cluster.sites[place])
    .filter((site) => site !== undefined);
  count(cluster.referee.tally, 'profileChanges');
  const roll = (profileOf: (site: Site) => Site['profile']): void => {
    for (const [index, site] of sites.entries()) {
      cluster.agenda.after(index * 100 * cluster.random.next(), () => {
        site.profile = profileOf(site);
        restart(cluster, site);
      });
    }
  };
  roll(() => fault.profile);
  return () => roll(() => cluster.scenario.profile);
}
