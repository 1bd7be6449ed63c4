import type {
  Config,
  HealthCheckOption,
  LoadBalancer,
  SocketLoadBalancer,
} from '../config/config.ts';
import { formatEndpoint } from '../core/address/ip.ts';
import {
  type BackendReport,
  type BalancerHealthConfig,
  type BalancerReport,
  HEALTH_OPTIONS,
  type HealthEvent,
  type Weights,
} from '../core/health/balancer.ts';
import { type Check, HTTP_CHECK, HTTPS_CHECK, TCP_CHECK } from '../core/health/check.ts';
import type { Backend } from '../core/plan/state.ts';
import type { Log } from '../telemetry/log.ts';

/** A load balancer whose backends are asked. */
export interface CheckedBalancer extends BalancerHealthConfig {
  readonly name: string;
}

/** What asks the backends. */
export interface HealthPort {
  /** Asks exactly these from now on. */
  set(balancers: readonly CheckedBalancer[]): void;
  report(balancer: string): BalancerReport | undefined;
  close(): Promise<void>;
}

/** What it has to tell. */
export interface HealthListener {
  weighed(balancer: string, weights: Weights): void;
  told(balancer: string, event: HealthEvent): void;
}

export interface Health {
  readonly checker: HealthPort;
  /** @throws {OperationalError} when the file holds no certificates. */
  readonly readCaFile: (path: string) => Promise<string>;
}

export interface BackendsPorts {
  readonly log: Log;
  /** Called once, when the first backend is to be asked. */
  readonly openHealth: (listener: HealthListener) => Promise<Health>;
  /** Some backend's weight is another one now. */
  readonly changed: () => void;
}

/** What the backends of all load balancers are worth, as far as they are asked. */
export class Backends {
  readonly #ports: BackendsPorts;
  #health: Health | undefined;
  readonly #weights = new Map<string, ReadonlyMap<string, number>>();

  constructor(ports: BackendsPorts) {
    this.#ports = ports;
  }

  /**
   * What is to be asked by a configuration, for `follow`.
   *
   * @throws {OperationalError} when the file of an authority is no good.
   */
  async read(config: Config): Promise<readonly CheckedBalancer[]> {
    if (!config.loadBalancers.some(hasCheck)) return [];
    this.#health ??= await this.#ports.openHealth({
      weighed: (balancer, { weights }) => {
        this.#weights.set(balancer, weights);
        this.#ports.changed();
      },
      told: (balancer, event) => this.#tell(balancer, event),
    });
    const { readCaFile } = this.#health;
    const all = config.loadBalancers.map((balancer) => checkedBalancer(balancer, readCaFile));
    return (await Promise.all(all)).flat();
  }

  /** Asks exactly these from now on. */
  follow(balancers: readonly CheckedBalancer[]): void {
    const names = new Set(balancers.map(({ name }) => name));
    for (const name of this.#weights.keys()) if (!names.has(name)) this.#weights.delete(name);
    this.#health?.checker.set(balancers);
  }

  /** The backends of a load balancer as new connections shall be spread over them. */
  weighed(balancer: SocketLoadBalancer): readonly Backend[] {
    const weights = this.#weights.get(nameOf(balancer));
    if (weights === undefined) return balancer.backends;
    return balancer.backends.map((backend) => ({
      ...backend,
      weight: weights.get(endpointOf(backend)) ?? backend.weight,
    }));
  }

  /** What is known of a load balancer's backends that are asked, by address and port. */
  reports(balancer: LoadBalancer): ReadonlyMap<string, BackendReport> {
    const { backends = [] } = this.#health?.checker.report(nameOf(balancer)) ?? {};
    return new Map(backends.map((backend) => [backend.id, backend]));
  }

  async close(): Promise<void> {
    await this.#health?.checker.close();
  }

  #tell(balancer: string, event: HealthEvent): void {
    const { log } = this.#ports;
    switch (event.kind) {
      case 'turned-unhealthy':
        log.warn(
          { balancer, backend: event.id, reason: event.reason, afterMs: event.afterMs },
          'backend is unhealthy',
        );
        return;
      case 'turned-healthy':
        log.info(
          { balancer, backend: event.id, reason: event.reason, afterMs: event.afterMs },
          'backend is healthy again',
        );
        return;
      case 'panic-began':
        log.error(
          { balancer, usable: event.usable, all: event.all },
          'too few backends are healthy; all of them are used',
        );
        return;
      case 'panic-ended':
        log.info(
          { balancer, usable: event.usable, all: event.all },
          'enough backends are healthy; health counts again',
        );
    }
  }
}

function hasCheck(
  balancer: LoadBalancer,
): balancer is SocketLoadBalancer & { readonly healthCheck: HealthCheckOption } {
  return balancer.type === 'tcp' && balancer.healthCheck !== undefined;
}

async function checkedBalancer(
  balancer: LoadBalancer,
  readCaFile: Health['readCaFile'],
): Promise<readonly CheckedBalancer[]> {
  if (!hasCheck(balancer)) return [];
  const { healthCheck } = balancer;
  const { intervalMs, rise, fall, slowStartMs, panicPercent } = healthCheck;
  const fastIntervalMs = Math.max(healthCheck.timeoutMs, intervalMs / SOONER);
  return [
    {
      name: nameOf(balancer),
      check: await checkOf(healthCheck, readCaFile),
      options: {
        ...HEALTH_OPTIONS,
        intervalMs,
        fastIntervalMs,
        rise,
        fall,
        slowStartMs,
        panicPercent,
      },
      backends: balancer.backends.map((backend) => ({
        ...backend,
        id: endpointOf(backend),
        port: healthCheck.port ?? backend.port,
      })),
    },
  ];
}

/** So many times as often while probes contradict what is known. */
const SOONER = 4;

async function checkOf(
  option: HealthCheckOption,
  readCaFile: Health['readCaFile'],
): Promise<Check> {
  const { type, timeoutMs, path, host, expectStatus } = option;
  if (type === 'tcp') return { ...TCP_CHECK, timeoutMs };
  const asked = {
    timeoutMs,
    path: path ?? HTTP_CHECK.path,
    host,
    expect: expectStatus ?? HTTP_CHECK.expect,
  };
  if (type === 'http') return { ...HTTP_CHECK, ...asked };
  const { caFile, insecure, serverName } = option;
  const ca = caFile === undefined ? undefined : await readCaFile(caFile);
  return { ...HTTPS_CHECK, ...asked, ca, insecure, serverName };
}

/** Two may have one name, but not one port. */
function nameOf({ name, port }: LoadBalancer): string {
  return `${name}:${port}`;
}

/** How a backend is called in logs, and among those of its load balancer. */
export function endpointOf({ address, port }: Backend): string {
  return formatEndpoint(address, port);
}
