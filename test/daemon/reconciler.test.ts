import { expect, test } from 'vitest';
import { desired } from '../../src/core/plan/desired.ts';
import type { Action } from '../../src/core/plan/plan.ts';
import { type DataplaneState, type LinkAddress, NOTHING } from '../../src/core/plan/state.ts';
import { servesNothing } from '../../src/daemon/local-dataplane.ts';
import { type ActionFailure, Reconciler } from '../../src/daemon/reconciler.ts';
import { openLog } from '../../src/telemetry/log.ts';
import { applied, world } from '../core/plan/world-builder.ts';

/** A machine in memory: it does what it is told, unless `refuse` has something against it. */
class Machine {
  state: DataplaneState = NOTHING;
  right = true;
  refuse: (action: Action) => readonly ActionFailure[] | undefined = () => undefined;
  /** Called before each action is performed. */
  before: (action: Action) => void | Promise<void> = () => {};
  readonly performed: string[] = [];
  /** What was logged, a message each. It is the log's destination, too. */
  readonly said: string[] = [];
  readonly writableLength = 0;
  readonly destroyed = false;
  refreshed: readonly LinkAddress[] = [];
  refreshDue = false;
  looks = 0;
  readonly reconciler: Reconciler<DataplaneState>;

  constructor() {
    this.reconciler = new Reconciler<DataplaneState>({
      dataplane: {
        observe: async () => {
          this.looks += 1;
          return this.state;
        },
        apply: (action) => this.#apply(action),
        refresh: async (addresses) => {
          this.refreshed = addresses;
          return [];
        },
      },
      log: openLog({ node: 'a', level: 'info', destination: this }),
      round: (observed) => ({
        observed,
        desired: desired(world({ right: this.right })).state,
        serving: this.right,
        refresh: this.refreshDue ? observed.addresses : [],
      }),
      mayServe: () => this.right,
    });
  }

  write(line: string): void {
    const { msg, subject, more } = JSON.parse(line);
    this.said.push([msg, subject, more].filter((part) => part !== undefined).join(' '));
  }

  async #apply(action: Action): Promise<readonly ActionFailure[]> {
    await this.before(action);
    const refused = this.refuse(action);
    if (refused !== undefined) return refused;
    this.performed.push(action.kind);
    this.state = applied(this.state, action);
    return [];
  }
}

const serving = (state: DataplaneState): boolean => state.announcements.length === 1;

test('Reconciler reaches the desired state and says so only after it looked again', async () => {
  const machine = new Machine();
  await machine.reconciler.reached(serving);
  expect(machine.performed).toEqual([
    'guard-addresses',
    'arm-gate',
    'open-gate',
    'add-addresses',
    'open-listeners',
    'start-announcing',
  ]);
});

test('Reconciler drops what it was about to add when the right ends in the middle', async () => {
  const machine = new Machine();
  machine.before = (action) => {
    if (action.kind === 'open-listeners') machine.right = false;
  };
  machine.reconciler.wake();
  await machine.reconciler.reached(servesNothing);
  expect(machine.performed).toEqual([
    'guard-addresses',
    'arm-gate',
    'open-gate',
    'add-addresses',
    'open-listeners',
    'close-listeners',
    'close-gate',
    'delete-addresses',
  ]);
  expect(machine.state.announcements).toEqual([]);
});

test('Reconciler tries a refused deletion again, and adds nothing before it is done', async () => {
  const machine = new Machine();
  await machine.reconciler.reached(serving);
  machine.performed.length = 0;
  let refusals = 2;
  machine.refuse = (action) => {
    if (action.kind !== 'delete-addresses' || refusals === 0) return undefined;
    refusals -= 1;
    return [{ subject: '192.0.2.10', error: new Error('EBUSY') }];
  };
  machine.right = false;
  await machine.reconciler.reached(servesNothing);
  expect(machine.performed).toEqual([
    'stop-announcing',
    'close-listeners',
    'close-gate',
    'delete-addresses',
  ]);
  expect(machine.reconciler.failures.size).toBe(0);
});

test('Reconciler announces no address that could not be bound', async () => {
  const machine = new Machine();
  const error = new Error('Cannot bind 192.0.2.10/32 to "eth0": RTM_NEWADDR failed with EPERM');
  machine.refuse = (action) =>
    action.kind === 'add-addresses' ? [{ subject: '192.0.2.10', error }] : undefined;
  const announced: Action[] = [];
  machine.before = (action) => {
    if (action.kind === 'start-announcing') announced.push(action);
  };
  await machine.reconciler.reached((state) => state.listeners.length === 1);
  expect(
    announced.flatMap((action) => ('announcements' in action ? action.announcements : [])),
  ).toEqual([]);
  expect(machine.state.listeners.map((listener) => listener.name)).toEqual(['web']);
  expect([...machine.reconciler.failures]).toEqual([['192.0.2.10', error.message]]);
  machine.reconciler.stop();
});

test('Reconciler binds nothing behind a gate that does not open', async () => {
  const machine = new Machine();
  const error = new Error('Cannot open the gate: ETIME');
  let refusals = 1;
  machine.refuse = (action) => {
    if (action.kind !== 'open-gate' || refusals === 0) return undefined;
    refusals -= 1;
    return [{ subject: 'open-gate', error }];
  };
  await machine.reconciler.reached((state) => state.armed.length === 1);
  expect(machine.performed).toEqual(['guard-addresses', 'arm-gate']);
  await machine.reconciler.reached((state) => state.gate === 'open');
  expect(machine.state.addresses).toHaveLength(1);
});

test('Reconciler opens a gate that closed while the right runs, and nothing else', async () => {
  const machine = new Machine();
  await machine.reconciler.reached(serving);
  machine.performed.length = 0;
  machine.state = { ...machine.state, gate: 'closed' };
  await machine.reconciler.reached((state) => state.gate === 'open');
  expect(machine.performed).toEqual(['open-gate']);
});

test('Reconciler deletes what it cannot close the gate for', async () => {
  const machine = new Machine();
  await machine.reconciler.reached(serving);
  machine.performed.length = 0;
  let refusals = 1;
  machine.refuse = (action) => {
    if (action.kind !== 'close-gate' || refusals === 0) return undefined;
    refusals -= 1;
    return [{ subject: 'close-gate', error: new Error('ETIMEDOUT') }];
  };
  machine.right = false;
  await machine.reconciler.reached(servesNothing);
  expect(machine.performed).toEqual(['stop-announcing', 'close-listeners', 'delete-addresses']);
  await machine.reconciler.reached((state) => state.gate === 'closed');
});

test('Reconciler refreshes what is held, and never without the right', async () => {
  const machine = new Machine();
  await machine.reconciler.reached(serving);
  machine.refreshDue = true;
  await machine.reconciler.reached(serving);
  await machine.reconciler.reached(() => true);
  expect(machine.refreshed).toHaveLength(1);
  machine.refreshed = [];
  machine.right = false;
  await machine.reconciler.reached(servesNothing);
  expect(machine.refreshed).toEqual([]);
});

/** How often it looks between the beginning of the right and its first action. */
async function looksAtTakeover(meanwhile: (machine: Machine) => void): Promise<number> {
  const machine = new Machine();
  machine.right = false;
  await machine.reconciler.reached((state) => state.guarded.length > 0 && state.armed.length > 0);
  // The rounds go on until there is nothing left to do.
  await new Promise((resolve) => setTimeout(resolve, 20));
  const settled = machine.looks;
  let looks: number | undefined;
  machine.before = () => {
    looks ??= machine.looks - settled;
  };
  machine.right = true;
  meanwhile(machine);
  machine.reconciler.wakeWithRight();
  await machine.reconciler.reached(serving);
  return looks ?? Number.NaN;
}

test('Reconciler works from what it saw last, unless something woke it since', async () => {
  expect(await looksAtTakeover(() => {})).toBe(0);
  expect(await looksAtTakeover((machine) => machine.reconciler.wake())).toBe(1);
});

test('Reconciler looks anew where something was left to do', async () => {
  const machine = new Machine();
  machine.right = false;
  machine.refuse = ({ kind }) =>
    kind === 'arm-gate' ? [{ subject: kind, error: new Error('no') }] : undefined;
  machine.reconciler.wake();
  await expect.poll(() => machine.said).toContain('action failed; it is tried again arm-gate');
  const { looks } = machine;
  machine.right = true;
  machine.reconciler.wakeWithRight();
  expect(machine.looks).toBe(looks + 1);
  machine.reconciler.stop();
});

test('Reconciler names the first of what fails together, and counts the others', async () => {
  const machine = new Machine();
  const refused = Array.from({ length: 200 }, (_, i) => ({
    subject: `vip ${i + 1}`,
    error: new Error('no'),
  }));
  machine.refuse = ({ kind }) => (kind === 'add-addresses' ? refused : undefined);
  machine.reconciler.wake();
  const failed = (): string[] => machine.said.filter((line) => !line.startsWith('action applied'));
  await expect.poll(failed).toHaveLength(6);
  expect(failed().at(0)).toBe('action failed; it is tried again vip 1');
  expect(failed().at(5)).toBe('so did others, see status 195');
  machine.refuse = () => undefined;
  await machine.reconciler.reached(serving);
  await expect.poll(failed).toContain('failures are over 197');
});
