import type { Config, LoadBalancer } from '../config/config.ts';
import type { IpAddress } from '../core/address/ip.ts';
import type { BackendReport } from '../core/health/balancer.ts';
import { ANY_ADDRESS } from '../core/plan/desired.ts';
import { listenerIdOf } from '../core/plan/state.ts';
import type { VipProblem } from '../core/plan/world.ts';
import type { GateStatus, ListenerStatus, Status, VipStatus } from '../core/status/status.ts';
import type { Announcer } from './announcer.ts';
import { type Backends, endpointOf } from './backends.ts';
import type { Conflicts } from './conflicts.ts';
import type { Elector } from './elector.ts';
import type { Observation } from './local-dataplane.ts';

/** What the forwarder counted for one listener since it was opened. */
export interface ListenerCounters {
  readonly id: string;
  readonly open: number;
  readonly total: number;
  readonly failed: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly backends: readonly {
    readonly address: string;
    readonly port: number;
    readonly open: number;
    readonly total: number;
    readonly failed: number;
  }[];
}

/** What the gate says of itself. */
export interface GateReport {
  readonly shape: 'netdev' | 'inet';
  readonly owned: boolean;
  readonly isOpen: boolean;
  readonly armed: readonly unknown[];
  readonly rebuilt: number;
  readonly reopened: number;
}

/** Everything that a status is put together from. */
export interface StatusSources {
  readonly version: string;
  readonly config: Config;
  /** How the guard runs; undefined when it does not. */
  readonly guard: 'child' | 'parent' | undefined;
  readonly gate: GateReport | undefined;
  readonly gateProblem: string | undefined;
  /** Of the VIPs as they are bound now; 0 when none is. */
  readonly lifetimeSeconds: number;
  readonly elector: Elector;
  readonly announcer: Announcer;
  readonly conflicts: Conflicts;
  readonly backends: Pick<Backends, 'reports'>;
  readonly observation: Observation | undefined;
  readonly problems: readonly VipProblem[];
  /** What the reconciler could not do, by VIP or listener. */
  readonly failures: ReadonlyMap<string, string>;
  readonly counters: readonly ListenerCounters[];
  readonly warnings: readonly string[];
}

/** Puts together what `fairlead status` shows. */
export function statusOf(sources: StatusSources): Status {
  const { config, elector } = sources;
  return {
    apiVersion: 'fairlead.io/v1',
    kind: 'Status',
    node: config.node,
    version: sources.version,
    fences: {
      guard: sources.guard ?? 'none',
      gate: sources.gate === undefined ? 'none' : 'nftables',
      gateState: gateStatus(sources.gate),
      gateProblem: sources.gateProblem ?? null,
      lifetimeSeconds: sources.lifetimeSeconds,
    },
    election: elector.status(),
    vips: config.vips.map((vip) => vipStatus(vip, sources)),
    listeners: config.loadBalancers.flatMap((balancer) => listenerStatus(balancer, sources)),
    lastTakeover: elector.lastTakeover(),
    warnings: sources.warnings,
  };
}

function gateStatus(gate: GateReport | undefined): GateStatus | null {
  if (gate === undefined) return null;
  const { shape, owned, isOpen, armed, rebuilt, reopened } = gate;
  return { shape, owned, open: isOpen, armed: armed.length, rebuilt, reopened };
}

function vipStatus(vip: Config['vips'][number], sources: StatusSources): VipStatus {
  const { observation, announcer, problems, failures } = sources;
  const conflict = sources.conflicts.report(vip.address);
  const held = observation?.ownership.ours.find((item) => item.address === vip.address);
  const problem = problems.find((item) => item.vip === vip.address);
  const foreign = [
    ...(observation?.ownership.foreign ?? []),
    ...(observation?.ownership.untouchable ?? []),
  ].some((item) => item.address === vip.address);
  return {
    address: vip.address,
    prefixLength: vip.prefixLength,
    interface: held?.link ?? problem?.interface ?? vip.interface ?? '',
    held: held !== undefined,
    announcements: held === undefined ? 0 : announcer.sent(held.linkIndex, held.address),
    conflicts: conflict.claims,
    watched: conflict.watched,
    conflict: conflict.last,
    problem:
      failures.get(vip.address) ??
      problem?.reason ??
      (foreign ? 'foreign-address' : conflict.problem),
  };
}

function listenerStatus(balancer: LoadBalancer, sources: StatusSources): readonly ListenerStatus[] {
  if (balancer.type !== 'tcp') return [];
  const addresses: readonly IpAddress[] = balancer.bindToVip
    ? sources.config.vips.map((vip) => vip.address)
    : [ANY_ADDRESS];
  const reports = sources.backends.reports(balancer);
  return addresses.map((address) => {
    const id = listenerIdOf(balancer.name, address, balancer.port);
    const counters = sources.counters.find((item) => item.id === id);
    return {
      name: balancer.name,
      type: balancer.type,
      address,
      port: balancer.port,
      open: counters !== undefined,
      connections: {
        open: counters?.open ?? 0,
        total: counters?.total ?? 0,
        failed: counters?.failed ?? 0,
      },
      bytes: { in: counters?.bytesIn ?? 0, out: counters?.bytesOut ?? 0 },
      backends: balancer.backends.map((backend) => {
        const counted = counters?.backends.find(
          (item) => item.address === backend.address && item.port === backend.port,
        );
        const known = reports.get(endpointOf(backend));
        return {
          address: backend.address,
          port: backend.port,
          healthy: known?.state !== 'unhealthy',
          checked: known !== undefined,
          problem: problemOf(known),
          weight: known?.weight ?? backend.weight,
          open: counted?.open ?? 0,
          total: counted?.total ?? 0,
          failed: counted?.failed ?? 0,
        };
      }),
      problem: sources.failures.get(id) ?? null,
    };
  });
}

/** Why a backend is not well, by its last probe. */
function problemOf(known: BackendReport | undefined): string | null {
  if (known?.state !== 'unhealthy') return null;
  return known.last?.finding.reason ?? null;
}
