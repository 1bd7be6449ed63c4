import type { Status } from '../../src/core/status/status.ts';

/** The status of a leader with everything in order. */
export function exampleStatus(changes: Partial<Status> = {}): Status {
  return {
    apiVersion: 'fairlead.io/v1',
    kind: 'Status',
    node: 'server1',
    version: '0.1.0',
    fences: {
      guard: 'child',
      gate: 'nftables',
      gateState: { shape: 'netdev', owned: true, open: true, armed: 1, rebuilt: 0, reopened: 0 },
      gateProblem: null,
      lifetimeSeconds: 2,
    },
    election: {
      type: 'raft',
      role: 'leader',
      holder: 'server1',
      term: 4,
      sinceMs: 81_234,
      ineligible: null,
      problem: null,
      peers: [
        { id: 'server2', address: '192.168.0.71:10000', lastSeenMs: 12, problem: null },
        { id: 'server3', address: '192.168.0.72:10000', lastSeenMs: 14, problem: null },
      ],
    },
    vips: [
      {
        address: '192.168.0.75',
        prefixLength: 32,
        interface: 'ens192',
        held: true,
        announcements: 7,
        conflicts: 0,
        watched: true,
        conflict: null,
        problem: null,
      },
    ],
    listeners: [
      {
        name: 'Kubernetes Control Plane',
        type: 'tcp',
        address: '192.168.0.75',
        port: 6443,
        open: true,
        connections: { open: 3, total: 120, failed: 0 },
        bytes: { in: 1234, out: 5678 },
        backends: [
          {
            address: '192.168.0.70',
            port: 6444,
            healthy: true,
            checked: true,
            problem: null,
            weight: 1,
            open: 1,
            total: 40,
            failed: 0,
          },
          {
            address: '192.168.0.71',
            port: 6444,
            healthy: false,
            checked: true,
            problem: 'connection refused',
            weight: 0,
            open: 2,
            total: 80,
            failed: 5,
          },
        ],
        problem: null,
      },
    ],
    lastTakeover: { at: '2026-11-22T17:00:00.000Z', reason: 'holder-gone', gapMs: 310 },
    warnings: [],
    ...changes,
  };
}
