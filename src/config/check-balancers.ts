/** Contradictions of the load balancers, with each other and with the rest. */
import { formatEndpoint, type IpAddress, isLoopback } from '../core/address/ip.ts';
import type { BALANCER_OPTIONS } from './balancer-options.ts';
import { type Checking, remotePeersOf } from './check.ts';
import { checkHealthCheck } from './check-health.ts';
import type { Placed } from './compound.ts';
import type { Backend, HttpBackend, LoadBalancer } from './config.ts';
import type { Values } from './kind.ts';
import type { WrittenBackend } from './network-kinds.ts';

type WrittenBalancer = Placed<Values<typeof BALANCER_OPTIONS>>;

export function checkBalancers(checking: Checking): void {
  const { written, vips, originOf, isGiven, problems } = checking;
  const balancers = written.loadBalancers ?? [];
  const ports = new Map<string, string>();
  for (const { path, value } of balancers) {
    if (value.port !== undefined) {
      // http is TCP too. The VIP and all addresses overlap, so bindToVip makes no difference.
      const key = `${value.type === 'udp' ? 'UDP' : 'TCP'} port ${value.port}`;
      const twin = ports.get(key);
      if (twin !== undefined) {
        problems.push({
          origin: originOf(`${path}.port`),
          what: `${path} listens on ${key}, as ${twin} does`,
          fix: 'give each load balancer a port of its own',
        });
      }
      ports.set(key, twin ?? path);
    }
    const hasVip = vips.length > 0 || ['vip', 'address', 'vips[0]'].some(isGiven);
    if (value.bindToVip && (!hasVip || written.disableVip) && !written.voterOnly) {
      problems.push({
        origin: originOf(`${path}.bindToVip`),
        what: `${path}.bindToVip is true, and there is no VIP`,
        fix: 'write vip, or bindToVip: false',
      });
    }
    checkBackends(checking, { path, value });
    if (value.healthCheck !== undefined) {
      checkHealthCheck(checking, `${path}.healthCheck`, value.healthCheck);
    }
  }
  if (
    written.addPeersAsBackends &&
    !balancers.some(({ value }) => value.backendPort !== undefined)
  ) {
    problems.push({
      origin: originOf('addPeersAsBackends'),
      what: 'addPeersAsBackends is true, and no load balancer has a backendPort',
      fix: 'write backendPort: where the peers serve',
    });
  }
}

function checkBackends(checking: Checking, { path, value }: WrittenBalancer): void {
  const { written, originOf, isGiven, problems } = checking;
  const backends = value.backends ?? [];
  const peersServe = written.addPeersAsBackends && value.backendPort !== undefined;
  const isReported = isGiven(`${path}.backends${value.backends === undefined ? '' : '[0]'}`);
  if (backends.length === 0 && !peersServe && !isReported) {
    problems.push({
      origin: originOf(path),
      what: `${path} has no backends`,
      fix: 'write backends: [{address: …, port: …}]',
    });
  }
  for (const { path: at, value: backend } of backends) {
    const { url, address } = backend;
    const port = backend.port ?? value.backendPort;
    const refuse = (what: string, fix: string) =>
      problems.push({ origin: originOf(at), what, fix });
    if (url !== undefined) {
      if (value.type !== 'http') {
        refuse(`${at} is a URL, and ${path}.type is ${value.type}`, 'write address and port');
      } else if (address !== undefined || backend.port !== undefined) {
        refuse(`${at} has both a url and an address or port`, 'keep the url, or address and port');
      }
    } else if (
      ['address', 'port', 'url'].some((name) => isBadlyGiven(checking, at, name, { ...backend }))
    ) {
      continue;
    } else if (address === undefined) {
      refuse(`${at} has no address`, 'write address: of the server');
    } else if (port === undefined) {
      refuse(`${at} has no port`, 'write port, or backendPort for all of them');
    } else if (port === value.port && isOwnAddress(checking, address, value.bindToVip)) {
      refuse(
        `${at} is ${formatEndpoint(address, port)}, where this load balancer listens itself`,
        'write the port that the server listens on',
      );
    }
  }
}

/** Whether a field was written and is wrong, so that nothing follows from its absence. */
function isBadlyGiven(
  { isGiven }: Checking,
  path: string,
  name: string,
  backend: Readonly<Record<string, unknown>>,
): boolean {
  return backend[name] === undefined && isGiven(`${path}.${name}`);
}

function isOwnAddress(
  { vips, written }: Checking,
  address: IpAddress,
  bindToVip: boolean,
): boolean {
  if (vips.some(({ value }) => value.address === address)) return true;
  return !bindToVip && (isLoopback(address) || address === written.localPeer?.address);
}

/** The load balancer as the daemon runs it. Call it only when nothing was found wrong. */
export function completeBalancer(
  { value }: WrittenBalancer,
  written: Checking['written'],
): LoadBalancer | undefined {
  const { port, type } = value;
  if (port === undefined) return undefined;
  const all = [
    ...(value.backends ?? []).map(({ value: backend }) => withPort(backend, value.backendPort)),
    ...(written.addPeersAsBackends ? peersAsBackends(written, value.backendPort) : []),
  ];
  const base = {
    name: value.name ?? `${type}-${port}`,
    port,
    bindToVip: value.bindToVip,
    algorithm: value.algorithm,
    proxyProtocol: value.proxyProtocol,
    connectTimeoutMs: value.connectTimeoutMs,
    idleTimeoutMs: value.idleTimeoutMs,
    maxConnections: value.maxConnections,
    drainSeconds: value.drainSeconds,
  };
  if (type === 'http')
    return { ...base, type, backends: unique(all.flatMap(asUrl), ({ url }) => url) };
  return {
    ...base,
    type,
    ...(value.healthCheck !== undefined && { healthCheck: value.healthCheck }),
    backends: unique(all.flatMap(asSocket), (backend) =>
      formatEndpoint(backend.address, backend.port),
    ),
  };
}

function withPort(backend: WrittenBackend, backendPort: number | undefined): WrittenBackend {
  const port = backend.port ?? backendPort;
  return port === undefined ? backend : { ...backend, port };
}

function peersAsBackends(written: Checking['written'], port: number | undefined): WrittenBackend[] {
  if (port === undefined) return [];
  const addresses: IpAddress[] = remotePeersOf(written).map(({ value }) => value.address);
  if (written.localPeer !== undefined) addresses.unshift(written.localPeer.address);
  return addresses.map((address) => ({ address, port, weight: 1 }));
}

function asSocket({ address, port, weight }: WrittenBackend): Backend[] {
  return address === undefined || port === undefined ? [] : [{ address, port, weight }];
}

function asUrl({ url, address, port, weight }: WrittenBackend): HttpBackend[] {
  if (url !== undefined) return [{ url, weight }];
  if (address === undefined || port === undefined) return [];
  return [{ url: `http://${formatEndpoint(address, port)}/`, weight }];
}

/** A backend listed by hand and added as a peer is one backend, with the weight given by hand. */
function unique<T>(items: readonly T[], key: (item: T) => string): readonly T[] {
  const first = new Map<string, T>();
  for (const item of items) if (!first.has(key(item))) first.set(key(item), item);
  return [...first.values()];
}
