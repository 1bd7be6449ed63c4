import type {
  BackendStatus,
  ListenerStatus,
  PeerStatus,
  Status,
  VipStatus,
} from '../core/status/status.ts';
import { formatDuration } from './duration.ts';
import { type Cell, type Column, formatTable, type Style } from './table.ts';

/** How lines are drawn; without colours every style gives back its text. */
export interface Drawing {
  readonly width: number;
  /** All VIPs, backends and byte counts, and no shortened names. */
  readonly wide: boolean;
  readonly good: Style;
  readonly bad: Style;
  readonly dim: Style;
}

/** As many VIPs as fit a screen beside the rest. */
const MAX_VIPS_SHOWN = 20;

/** Peers that have nothing to say greet each other every second (src/raft/transport.ts). */
const SILENT_AFTER_MS = 5000;

/** What `fairlead status` prints: first what serves, then who decides, then what is wrong. */
export function drawStatus(status: Status, drawing: Drawing): readonly string[] {
  return [
    ...drawNode(status, drawing),
    ...section(drawVips(status, drawing)),
    ...section(drawPeers(status, drawing)),
    ...section(drawListeners(status, drawing)),
    ...section(drawProblems(status, drawing)),
  ];
}

/**
 * One line that changes when something of weight does; what `status -w` appends without a terminal.
 */
export function summarize(status: Status): string {
  const { role, term, holder } = status.election;
  const held = status.vips.filter((vip) => vip.held);
  const some = held.length === 0 ? 'nothing' : `${held.length} VIPs`;
  const gapMs = role === 'leader' ? (status.lastTakeover?.gapMs ?? null) : null;
  return [
    `${status.node}: ${role}`,
    `term ${term}`,
    `holder ${holder ?? 'none'}`,
    `serves ${held.length === 1 ? held.map(describeVip).join('') : some}`,
    ...(gapMs === null ? [] : [`gap ${formatDuration(gapMs)}`]),
    ...listProblems(status),
  ].join(', ');
}

function section(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', ...lines];
}

function drawNode(status: Status, { width, wide, good, bad }: Drawing): readonly string[] {
  const { role, sinceMs, term, type } = status.election;
  const takeover = status.lastTakeover;
  const columns: Column[] = [
    { title: 'NODE', shrinks: !wide },
    { title: 'ROLE' },
    { title: 'SINCE', align: 'right' },
    { title: 'TERM', align: 'right' },
    { title: 'LAST TAKEOVER' },
    { title: 'GAP', align: 'right' },
    { title: 'REASON' },
  ];
  const row: Cell[] = [
    { text: status.node },
    {
      text: role,
      ...(role === 'leader' && { style: good }),
      ...(role === 'stopped' && { style: bad }),
    },
    { text: formatDuration(sinceMs) },
    { text: type === 'raft' ? String(term) : '-' },
    { text: takeover === null ? '-' : takeover.at.replace(/\.\d+Z$/, 'Z') },
    { text: takeover === null || takeover.gapMs === null ? '-' : formatDuration(takeover.gapMs) },
    { text: takeover?.reason ?? '-' },
  ];
  return formatTable(columns, [row], wide ? Number.POSITIVE_INFINITY : width);
}

function drawVips(status: Status, drawing: Drawing): readonly string[] {
  if (status.vips.length === 0) return [];
  const { width, wide, bad, dim } = drawing;
  const watched = status.vips.some((vip) => vip.watched);
  const columns: Column[] = [
    { title: 'VIP' },
    { title: 'INTERFACE', shrinks: !wide },
    { title: 'HOLDER', shrinks: !wide },
    ...(wide ? [{ title: 'ANNOUNCED', align: 'right' } as const] : []),
    ...(watched ? [{ title: 'CONFLICTS', align: 'right' } as const] : []),
    { title: 'STATE' },
  ];
  // What is wrong comes first: it must not fall below the cut.
  const sorted = status.vips.toSorted((one, other) => weight(other) - weight(one));
  const shown = wide ? sorted : sorted.slice(0, MAX_VIPS_SHOWN);
  const rows = shown.map((vip): Cell[] => {
    return [
      { text: describeVip(vip) },
      { text: vip.interface },
      holderCell(vip, status, drawing),
      ...(wide ? [{ text: String(vip.announcements) }] : []),
      ...(watched
        ? [
            {
              text: vip.watched ? String(vip.conflicts) : '-',
              ...(hasConflicts(vip) && { style: bad }),
            },
          ]
        : []),
      vip.problem === null ? { text: 'ok' } : { text: 'problem', style: bad },
    ];
  });
  const hidden = status.vips.length - shown.length;
  const more = hidden > 0 ? [dim(`… and ${hidden} more; -o wide shows all`)] : [];
  return [...formatTable(columns, rows, wide ? Number.POSITIVE_INFINITY : width), ...more];
}

function holderCell(vip: VipStatus, { node, election }: Status, { good, bad }: Drawing): Cell {
  if (vip.held) return { text: `${node} (this node)`, style: good };
  if (election.holder === null) return { text: 'nobody', style: bad };
  return election.holder === node
    ? { text: `${node} (not bound)`, style: bad }
    : { text: election.holder };
}

function weight(vip: VipStatus): number {
  return (vip.problem === null ? 0 : 2) + (hasConflicts(vip) ? 1 : 0);
}

function hasConflicts(vip: VipStatus): boolean {
  return vip.conflicts > 0;
}

function drawPeers(status: Status, { width, wide, bad }: Drawing): readonly string[] {
  const columns: Column[] = [
    { title: 'PEER', shrinks: !wide },
    { title: 'ADDRESS' },
    { title: 'LAST SEEN', align: 'right' },
    { title: 'STATE' },
  ];
  const rows = status.election.peers.map((peer): Cell[] => [
    { text: peer.id },
    { text: peer.address },
    peer.lastSeenMs === null
      ? { text: 'never', style: bad }
      : { text: `${formatDuration(peer.lastSeenMs)} ago` },
    peerState(peer, bad),
  ]);
  if (rows.length === 0) return [];
  return formatTable(columns, rows, wide ? Number.POSITIVE_INFINITY : width);
}

function peerState(peer: PeerStatus, bad: Style): Cell {
  if (peer.problem !== null) return { text: 'problem', style: bad };
  return troubleWith(peer) === null ? { text: 'ok' } : { text: 'silent', style: bad };
}

/** What is wrong with a peer, in words that stay the same for as long as that does. */
function troubleWith({ problem, lastSeenMs }: PeerStatus): string | null {
  if (problem !== null) return problem;
  if (lastSeenMs === null) return 'never heard';
  return lastSeenMs > SILENT_AFTER_MS ? `not heard for over ${SILENT_AFTER_MS / 1000} s` : null;
}

function drawListeners(status: Status, drawing: Drawing): readonly string[] {
  if (status.listeners.length === 0) return [];
  const { width, wide } = drawing;
  const columns: Column[] = [
    { title: 'LISTENER', shrinks: !wide },
    { title: 'TYPE' },
    { title: 'ADDRESS' },
    { title: 'OPEN', align: 'right' },
    { title: 'TOTAL', align: 'right' },
    { title: 'FAILED', align: 'right' },
    ...(wide
      ? [{ title: 'IN', align: 'right' } as const, { title: 'OUT', align: 'right' } as const]
      : []),
    { title: 'BACKENDS' },
  ];
  const rows = status.listeners.flatMap((listener) => [
    listenerRow(listener, drawing),
    ...(wide ? backendRows(listener, drawing) : []),
  ]);
  return formatTable(columns, rows, wide ? Number.POSITIVE_INFINITY : width);
}

function listenerRow(listener: ListenerStatus, { wide, bad, dim }: Drawing): Cell[] {
  const { connections, bytes, backends } = listener;
  const checked = backends.some((backend) => backend.checked);
  const healthy = backends.filter((backend) => backend.healthy).length;
  const closed =
    listener.problem === null ? { text: 'closed', style: dim } : { text: 'problem', style: bad };
  return [
    { text: listener.name },
    { text: listener.type },
    { text: joinPort(listener.address, listener.port) },
    listener.open ? { text: String(connections.open) } : closed,
    { text: String(connections.total) },
    { text: String(connections.failed) },
    ...(wide ? [{ text: String(bytes.in) }, { text: String(bytes.out) }] : []),
    {
      text: checked ? `${healthy} of ${backends.length}` : String(backends.length),
      ...(healthy === 0 && { style: bad }),
    },
  ];
}

function backendRows(listener: ListenerStatus, { bad }: Drawing): Cell[][] {
  return listener.backends.map((backend) => [
    { text: '  backend' },
    { text: '' },
    { text: joinPort(backend.address, backend.port) },
    { text: String(backend.open) },
    { text: String(backend.total) },
    { text: String(backend.failed) },
    { text: '' },
    { text: '' },
    healthCell(backend, bad),
  ]);
}

function healthCell({ healthy, checked, problem }: BackendStatus, bad: Style): Cell {
  if (!checked) return { text: 'not checked' };
  return healthy ? { text: 'healthy' } : { text: `unhealthy: ${problem}`, style: bad };
}

function drawProblems(status: Status, { bad, width, wide }: Drawing): readonly string[] {
  const room = wide ? Number.POSITIVE_INFINITY : width;
  const { guard, lifetimeSeconds } = status.fences;
  const lifetime = lifetimeSeconds > 0 ? `lifetime ${lifetimeSeconds} s` : 'no lifetime';
  const fences = `Fences: guard ${guard}, gate ${describeGate(status)}, ${lifetime}. fairlead ${status.version}`;
  return [
    fences,
    ...listProblems(status).flatMap((problem) => wrap('Problem: ', problem, room).map(bad)),
    ...status.warnings.flatMap((warning) => wrap('Warning: ', warning, room)),
  ];
}

function describeGate({ fences: { gate, gateState } }: Status): string {
  if (gateState === null) return gate;
  const { shape, open, rebuilt, reopened } = gateState;
  const again = rebuilt === 0 ? '' : `, made again ${rebuilt} times`;
  const late = reopened === 0 ? '' : `, closed by itself ${reopened} times`;
  return `${gate} (${shape}, ${open ? 'open' : 'closed'}${again}${late})`;
}

/** What is not as it should be, as one sentence each. */
function listProblems(status: Status): readonly string[] {
  const { election } = status;
  return [
    ...(election.problem === null ? [] : [election.problem]),
    ...(status.fences.gateProblem === null ? [] : [`no gate: ${status.fences.gateProblem}`]),
    ...(election.ineligible === null ? [] : [`this node cannot lead: ${election.ineligible}`]),
    ...election.peers.flatMap((peer: PeerStatus) => {
      const trouble = troubleWith(peer);
      return trouble === null ? [] : [`peer ${peer.id}: ${trouble}`];
    }),
    ...status.vips.flatMap((vip) =>
      vip.problem === null ? [] : [`VIP ${describeVip(vip)}: ${vip.problem}`],
    ),
    ...status.listeners.flatMap((listener) =>
      listener.problem === null ? [] : [`listener "${listener.name}": ${listener.problem}`],
    ),
  ];
}

function describeVip(vip: VipStatus): string {
  return `${vip.address}/${vip.prefixLength}`;
}

function joinPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Breaks at blanks; the lines after the first are indented below its text. */
function wrap(label: string, text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = label.trimEnd();
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > width && line.trim() !== '') {
      lines.push(line);
      line = ' '.repeat(label.length - 1);
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
