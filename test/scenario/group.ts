import { listFingerprint } from '../../src/core/election/raft/fingerprint.ts';
import type { Message } from '../../src/core/election/raft/message.ts';
import { nextWakeAt, startRaft, stepRaft } from '../../src/core/election/raft/raft.ts';
import { fencesDeadline } from '../../src/core/election/raft/right.ts';
import type {
  Effect,
  RaftConfig,
  RaftEvent,
  RaftState,
  SavedVote,
} from '../../src/core/election/raft/state.ts';
import { desired } from '../../src/core/plan/desired.ts';
import { plan } from '../../src/core/plan/plan.ts';
import { type DataplaneState, NOTHING } from '../../src/core/plan/state.ts';
import { applied, balancer, world } from '../core/plan/world-builder.ts';

const LATENCY_MS = 1;
const MARGIN_MS = 50;
/** From the death of a daemon to the deletion by its guard: measured, median 4 ms. */
const GUARD_MS = 4;

interface Node {
  readonly id: string;
  readonly config: RaftConfig;
  instance: bigint;
  state: RaftState;
  saved: SavedVote;
  life: 'running' | 'frozen' | 'dead';
  /** What could not be read while it was frozen. */
  inbox: { from: string; instance: bigint; message: Message }[];
  dataplane: DataplaneState;
  deadline: number;
  firedUnheard: boolean;
  prepared: Message | undefined;
}

interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A group of nodes that share one VIP, on a perfect network and in virtual time. */
export class Group {
  readonly #nodes = new Map<string, Node>();
  readonly #cut = new Set<string>();
  readonly #lines: string[] = [];
  #due: Due[] = [];
  #now = 0;
  #order = 0;
  #blockBegan = 0;
  #unserved = 0;
  #servedTwice = 0;

  constructor(voters: readonly string[], witnesses: readonly string[]) {
    for (const [place, id] of voters.entries()) {
      const config: RaftConfig = {
        self: id,
        voters: [...voters].sort(),
        list: listFingerprint('scenario', voters),
        instance: BigInt(place + 1),
        heartbeatMs: 50,
        electionTimeoutMs: 300,
        abstainMs: 300,
        priority: 100,
        voterOnly: witnesses.includes(id),
        startAsLeader: false,
      };
      const saved = { term: 0, vote: null };
      const { state } = startRaft(config, saved, 0, place);
      const node: Node = {
        id,
        config,
        instance: config.instance,
        state,
        saved,
        life: 'dead',
        inbox: [],
        dataplane: NOTHING,
        deadline: 0,
        firedUnheard: false,
        prepared: undefined,
      };
      this.#nodes.set(id, node);
    }
  }

  get ids(): readonly string[] {
    return [...this.#nodes.keys()];
  }

  start(id: string): void {
    const node = this.#node(id);
    node.life = 'running';
    node.instance += 100n;
    const config = { ...node.config, instance: node.instance };
    const { state, effects } = startRaft(config, node.saved, this.#now, Number(node.instance));
    node.state = state;
    this.#perform(node, effects);
    this.#step(node, { kind: 'eligibility', obstacle: undefined });
  }

  /** SIGKILL of the daemon: its guard withdraws, and tells the others. */
  crash(id: string): void {
    const node = this.#node(id);
    node.life = 'dead';
    node.inbox = [];
    this.#at(this.#now + GUARD_MS, () => this.#fire(node, 'its daemon died'));
  }

  freeze(id: string): void {
    this.#node(id).life = 'frozen';
  }

  thaw(id: string): void {
    const node = this.#node(id);
    node.life = 'running';
    if (node.firedUnheard) this.#step(node, { kind: 'fences-closed' });
    node.firedUnheard = false;
    for (const { from, instance, message } of node.inbox.splice(0)) {
      this.#step(node, { kind: 'received', from: { id: from, instance }, message });
    }
    this.#step(node, { kind: 'tick' });
  }

  /** `a` loses everybody, `a>b` one direction only. */
  cut(path: string): void {
    this.#cut.add(path);
  }

  join(path: string): void {
    this.#cut.delete(path);
  }

  handoff(id: string, target: string | undefined): void {
    this.#step(this.#node(id), { kind: 'handoff', target });
  }

  leave(id: string): void {
    this.#step(this.#node(id), { kind: 'leave' });
    this.#node(id).life = 'dead';
  }

  carrier(id: string, present: boolean): void {
    this.#step(this.#node(id), {
      kind: 'eligibility',
      obstacle: present ? undefined : 'no-carrier',
    });
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#pass(next.at);
      next.run();
    }
    this.#pass(end);
  }

  /** What happened since the last report, and for how long nobody or two served. */
  report(): string {
    const summary = `unserved ${round(this.#unserved)} ms, served twice ${round(this.#servedTwice)} ms`;
    const text = [...this.#lines, summary].join('\n');
    this.#lines.length = 0;
    this.#unserved = 0;
    this.#servedTwice = 0;
    this.#blockBegan = this.#now;
    return text;
  }

  #node(id: string): Node {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  #next(end: number): Due | undefined {
    this.#due.sort((a, b) => a.at - b.at || a.order - b.order);
    const first = this.#due[0];
    if (first === undefined || first.at > end) return undefined;
    this.#due.shift();
    return first;
  }

  #pass(to: number): void {
    const serving = [...this.#nodes.values()].filter((node) => node.dataplane.addresses.length > 0);
    if (serving.length === 0) this.#unserved += to - this.#now;
    if (serving.length > 1) this.#servedTwice += to - this.#now;
    this.#now = to;
  }

  #at(at: number, run: () => void): void {
    this.#order += 1;
    this.#due.push({ at, order: this.#order, run });
  }

  #say(node: Node, text: string): void {
    this.#lines.push(`+${round(this.#now - this.#blockBegan)} ms ${node.id}: ${text}`);
  }

  #step(node: Node, event: RaftEvent): void {
    if (node.life !== 'running') return;
    const config = { ...node.config, instance: node.instance };
    const { state, effects } = stepRaft(node.state, event, this.#now, config);
    node.state = state;
    this.#perform(node, effects);
    const wake = nextWakeAt(state);
    if (wake !== Number.POSITIVE_INFINITY) {
      const { instance } = node;
      this.#at(Math.max(wake, this.#now), () => {
        if (node.instance === instance && nextWakeAt(node.state) <= this.#now) {
          this.#step(node, { kind: 'tick' });
        }
      });
    }
  }

  #perform(node: Node, effects: readonly Effect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          this.#send(node, effect.to, effect.message);
          break;
        case 'save':
          node.saved = effect.saved;
          break;
        case 'right-extended':
          this.#extend(node, effect.endsAt);
          break;
        case 'give-up-right':
          this.#say(node, `gives up the right (${effect.reason})${this.#converge(node, false)}`);
          node.deadline = 0;
          break;
        case 'prepare-resignation':
          node.prepared = effect.message;
          break;
        case 'role-changed':
          if (effect.role === 'leader')
            this.#say(node, `leads term ${effect.term} (${effect.reason})`);
          break;
        case 'handoff-refused':
          this.#say(node, `refuses the handoff (${effect.reason})`);
          break;
        case 'peer-refused':
          break;
        default:
          effect satisfies never;
      }
    }
  }

  #send(node: Node, to: string, message: Message): void {
    if ([node.id, to, `${node.id}>${to}`].some((path) => this.#cut.has(path))) return;
    const { instance } = node;
    this.#at(this.#now + LATENCY_MS, () => {
      const peer = this.#node(to);
      if (peer.life === 'frozen') peer.inbox.push({ from: node.id, instance, message });
      this.#step(peer, { kind: 'received', from: { id: node.id, instance }, message });
    });
  }

  #extend(node: Node, endsAt: number): void {
    node.deadline = fencesDeadline(endsAt, MARGIN_MS);
    const arrived = this.#converge(node, true);
    if (arrived !== '') this.#say(node, `serves${arrived}`);
    const { deadline } = node;
    this.#at(deadline, () => {
      if (node.deadline === deadline) this.#fire(node, 'the deadline passed');
    });
  }

  /** The guard withdraws by itself, and sends what was prepared for it. */
  #fire(node: Node, why: string): void {
    if (node.dataplane.addresses.length === 0) return;
    this.#say(node, `guard withdraws, ${why}${this.#converge(node, false)}`);
    node.deadline = 0;
    if (node.prepared !== undefined) {
      for (const to of this.ids) {
        if (to !== node.id) this.#send(node, to, node.prepared);
      }
    }
    if (node.life === 'frozen') node.firedUnheard = true;
    this.#step(node, { kind: 'fences-closed' });
  }

  /** Brings the dataplane to what the right allows, and names the actions. */
  #converge(node: Node, right: boolean): string {
    const wanted = desired(world({ right, balancers: [balancer('api', 6443, true)] })).state;
    const actions = plan(wanted, node.dataplane);
    node.dataplane = actions.reduce(applied, node.dataplane);
    return actions.length === 0 ? '' : `; ${actions.map((action) => action.kind).join(' ')}`;
  }
}

function round(ms: number): string {
  return ms.toFixed(0);
}
