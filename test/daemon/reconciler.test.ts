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
  refreshed: readonly LinkAddress[] = [];
  refreshDue = false;
  readonly reconciler: Reconciler<DataplaneState>;

  constructor() {
    this.reconciler = new Reconciler<DataplaneState>({
      dataplane: {
        observe: async () => this.state,
        apply: (action) => this.#apply(action),
        refresh: async (addresses) => {
          this.refreshed = addresses;
          return [];
        },
      },
      log: openLog({ node: 'a', level: 'fatal' }),
      round: (observed) => ({
        observed,
        desired: desired(world({ right: this.right })).state,
        serving: this.right,
        refresh: this.refreshDue ? observed.addresses : [],
      }),
      mayServe: () => this.right,
    });
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
    'add-addresses',
    'open-listeners',
    'close-listeners',
    'delete-addresses',
    'guard-addresses',
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
    'delete-addresses',
    'guard-addresses',
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
