import type { Status } from './status.ts';

/**
 * The protocol of the control socket: one JSON object a line each way, answers in the order of the
 * questions. A question that a daemon does not know is answered with `bad-request`, so that a newer
 * program can talk to an older daemon.
 */
export type ControlRequest =
  | { readonly verb: 'ping' }
  | { readonly verb: 'status' }
  /** Without `to`, the daemon chooses among the peers that can serve. */
  | { readonly verb: 'handoff'; readonly to?: string };

export type ControlResponse =
  | { readonly ok: true; readonly result: ControlResult }
  | { readonly ok: false; readonly error: ControlError };

/** Told apart by `kind`. */
export type ControlResult = PingResult | Status | HandoffResult;

export interface ControlError {
  /** `bad-request`, `too-many-clients`, `internal`. */
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

export interface PingResult {
  readonly kind: 'Pong';
  readonly node: string;
  readonly pid: number;
}

/** What came of a handoff. Refused means that nothing was withdrawn, unless the reason says so. */
export type HandoffResult =
  | {
      readonly kind: 'done';
      readonly from: string;
      readonly to: string;
      readonly term: number;
      /** From the request to the sight of the new leader, in milliseconds. */
      readonly durationMs: number;
    }
  | {
      readonly kind: 'refused';
      readonly reason: HandoffRefusal;
      /** The node that leads, where this one knows. */
      readonly leader: string | null;
      /** What this node knows of each peer that could not be chosen, for `no-eligible-peer`. */
      readonly peers: readonly { readonly id: string; readonly why: string }[];
    };

export type HandoffRefusal =
  /** Ask `leader` instead. */
  | 'not-leader'
  | 'no-leader'
  /** `to` is not in the peer list. */
  | 'unknown-target'
  /** `to` leads already. */
  | 'already-leader'
  | 'no-eligible-peer'
  /** `singleNode`, or no election: there is nobody to hand over to. */
  | 'no-peers'
  /** Another handoff is on its way. */
  | 'busy'
  /** The VIP was withdrawn here, and no other node was seen to lead in time (fencing.md A4). */
  | 'not-taken';

/** Longest question that a daemon reads, in bytes with its newline. */
export const MAX_CONTROL_REQUEST_BYTES = 4096;

/** Reads one line of a client; undefined when it is no question. */
export function parseControlRequest(line: string): ControlRequest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('verb' in value)) return undefined;
  switch (value.verb) {
    case 'ping':
      return { verb: 'ping' };
    case 'status':
      return { verb: 'status' };
    case 'handoff': {
      if (!('to' in value) || value.to === undefined) return { verb: 'handoff' };
      return typeof value.to === 'string' ? { verb: 'handoff', to: value.to } : undefined;
    }
    default:
      return undefined;
  }
}
