import { type IpAddress, parseIpAddress } from '../../../src/core/address/ip.ts';
import type { Action } from '../../../src/core/plan/plan.ts';
import type { DataplaneState } from '../../../src/core/plan/state.ts';
import type { KernelAddress, Link, WantedBalancer, World } from '../../../src/core/plan/world.ts';

export const ETH0: Link = {
  index: 2,
  name: 'eth0',
  mac: '02:00:00:00:00:02',
  up: true,
  carrier: true,
  loopback: false,
  ipv6Forwarding: false,
};
export const ETH1: Link = { ...ETH0, index: 3, name: 'eth1', mac: '02:00:00:00:00:03' };

export function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  return address;
}

/** An address of the machine's own, `192.0.2.1/24` on link `linkIndex`. */
export function own(linkIndex: number, cidr: string, tagged = false): KernelAddress {
  const [address = '', prefix = '32'] = cidr.split('/');
  return { linkIndex, address: ip(address), prefixLength: Number(prefix), tagged };
}

export function balancer(name: string, port: number, bindToVip: boolean): WantedBalancer {
  return {
    name,
    port,
    bindToVip,
    backends: [{ address: ip('192.0.2.80'), port: 6444, weight: 1 }],
    algorithm: 'round-robin',
    proxyProtocol: 'none',
    connectTimeoutMs: 1000,
    idleTimeoutMs: 0,
    maxConnections: 100,
    drainSeconds: 5,
  };
}

/** A machine with one link in 192.0.2.0/24, one VIP and the right to serve it. */
export function world(changes: Partial<World> = {}): World {
  return {
    vips: [{ address: ip('192.0.2.10'), prefixLength: 32, interface: 'eth0' }],
    balancers: [balancer('api', 6443, true), balancer('web', 80, false)],
    announce: true,
    links: [ETH0, ETH1],
    addresses: [own(2, '192.0.2.1/24'), own(3, '198.51.100.1/24')],
    right: true,
    gated: true,
    withheld: new Set(),
    leaving: false,
    ...changes,
  };
}

/** What a dataplane with one VIP makes of an action that succeeds. */
export function applied(state: DataplaneState, action: Action): DataplaneState {
  switch (action.kind) {
    case 'stop-announcing':
      return { ...state, announcements: [] };
    case 'close-listeners':
      return { ...state, listeners: action.keep };
    case 'delete-addresses':
      return { ...state, addresses: [], foreign: [] };
    case 'guard-addresses':
      return { ...state, guarded: action.addresses };
    case 'close-gate':
      return { ...state, gate: 'closed' };
    case 'arm-gate':
      return { ...state, armed: action.addresses };
    case 'open-gate':
      return { ...state, gate: 'open' };
    case 'add-addresses':
      return { ...state, addresses: action.addresses };
    case 'open-listeners':
      return { ...state, listeners: action.listeners };
    case 'start-announcing':
      return { ...state, announcements: action.announcements };
  }
}
