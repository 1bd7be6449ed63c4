import { expect, test } from 'vitest';
import { desired } from '../../../src/core/plan/desired.ts';
import { type Action, plan } from '../../../src/core/plan/plan.ts';
import { type DataplaneState, NOTHING } from '../../../src/core/plan/state.ts';
import type { World } from '../../../src/core/plan/world.ts';
import { applied, ETH0, ip, world } from './world-builder.ts';

function state(changes: Partial<World> = {}): DataplaneState {
  return desired(world(changes)).state;
}

/** A plan as a line a step: the action, and what it is about. */
function story(actions: readonly Action[]): string {
  return actions
    .map((action) => {
      switch (action.kind) {
        case 'stop-announcing':
        case 'start-announcing':
          return `${action.kind} ${action.announcements.map((item) => item.address).join(' ')}`;
        case 'close-listeners':
          return `${action.kind} ${action.listeners.map((item) => item.id).join(' ')} reset=${action.reset}`;
        case 'open-listeners':
          return `${action.kind} ${action.listeners.map((item) => item.id).join(' ')}`;
        case 'open-gate':
          return action.kind;
        case 'close-gate':
        case 'arm-gate':
        case 'delete-addresses':
        case 'guard-addresses':
        case 'add-addresses':
          return `${action.kind} [${action.addresses.map((item) => `${item.address}/${item.prefixLength}`).join(' ')}]`;
        default:
          return action satisfies never;
      }
    })
    .join('\n');
}

test('plan() of a machine at its start guards before it binds, listens before it announces', () => {
  expect(story(plan(state(), NOTHING))).toMatchInlineSnapshot(`
    "guard-addresses [192.0.2.10/32]
    arm-gate [192.0.2.10/32]
    open-gate
    add-addresses [192.0.2.10/32]
    open-listeners web@:::80 api@192.0.2.10:6443
    start-announcing 192.0.2.10"
  `);
});

test('plan() leaves in the reverse order, and keeps what every node serves', () => {
  expect(story(plan(state({ right: false }), state()))).toMatchInlineSnapshot(`
    "stop-announcing 192.0.2.10
    close-listeners api@192.0.2.10:6443 reset=true
    close-gate [192.0.2.10/32]
    delete-addresses [192.0.2.10/32]"
  `);
});

test('plan() of a takeover asks nothing of the guard: it was told before', () => {
  expect(story(plan(state(), state({ right: false })))).toMatchInlineSnapshot(`
    "open-gate
    add-addresses [192.0.2.10/32]
    open-listeners web@:::80 api@192.0.2.10:6443
    start-announcing 192.0.2.10"
  `);
});

test('plan() of a daemon that leaves dismisses the guard last', () => {
  expect(story(plan(state({ leaving: true }), state()))).toMatchInlineSnapshot(`
    "stop-announcing 192.0.2.10
    close-listeners web@:::80 api@192.0.2.10:6443 reset=true
    close-gate [192.0.2.10/32]
    delete-addresses [192.0.2.10/32]
    guard-addresses []"
  `);
});

test('plan() has nothing to do at rest', () => {
  expect(plan(state(), state())).toEqual([]);
  expect(plan(state({ right: false }), state({ right: false }))).toEqual([]);
});

test('plan() sweeps at the start what an earlier process left behind', () => {
  const left = state().addresses;
  expect(
    story(plan(state({ right: false, balancers: [] }), { ...NOTHING, addresses: left })),
  ).toMatchInlineSnapshot(`
    "delete-addresses [192.0.2.10/32]
    guard-addresses [192.0.2.10/32]
    arm-gate [192.0.2.10/32]"
  `);
});

test('plan() deletes a VIP that something else bound before it binds its own', () => {
  const foreign = [
    { linkIndex: 2, link: 'eth0', address: ip('192.0.2.10'), prefixLength: 24 },
  ] as const;
  expect(story(plan(state(), { ...NOTHING, foreign }))).toMatchInlineSnapshot(`
    "delete-addresses [192.0.2.10/24]
    guard-addresses [192.0.2.10/32]
    arm-gate [192.0.2.10/32]
    open-gate
    add-addresses [192.0.2.10/32]
    open-listeners web@:::80 api@192.0.2.10:6443
    start-announcing 192.0.2.10"
  `);
});

test('plan() after a crash of the announcer alone announces again and nothing more', () => {
  expect(story(plan(state(), { ...state(), announcements: [] }))).toBe(
    'start-announcing 192.0.2.10',
  );
});

test('plan() restores an address that was deleted by hand, on listeners that go on', () => {
  expect(story(plan(state(), { ...state(), addresses: [] }))).toBe('add-addresses [192.0.2.10/32]');
});

test('plan() announces anew when the link has another hardware address', () => {
  const changed = { ...ETH0, mac: '02:00:00:00:00:99' };
  expect(story(plan(state({ links: [changed] }), state()))).toMatchInlineSnapshot(`
    "stop-announcing 192.0.2.10
    start-announcing 192.0.2.10"
  `);
});

test('plan() moves the VIP to the new index of a link that was made again', () => {
  const remade = { ...ETH0, index: 9 };
  const observed = { ...state(), addresses: [] };
  expect(story(plan(state({ links: [remade] }), observed))).toMatchInlineSnapshot(`
    "stop-announcing 192.0.2.10
    guard-addresses [192.0.2.10/32]
    arm-gate [192.0.2.10/32]
    add-addresses [192.0.2.10/32]
    start-announcing 192.0.2.10"
  `);
});

test('plan() drains the connections of a balancer that was only configured away', () => {
  const before = state();
  const after = state({ balancers: world().balancers.filter((item) => item.name === 'web') });
  expect(story(plan(after, before))).toBe('close-listeners api@192.0.2.10:6443 reset=false');
});

test('plan() leads to the desired state whatever is observed', () => {
  const states = [
    NOTHING,
    state(),
    state({ right: false }),
    state({ leaving: true }),
    state({ announce: false }),
    state({ balancers: [] }),
  ];
  for (const wanted of states) {
    for (const observed of states) {
      expect(plan(wanted, plan(wanted, observed).reduce(applied, observed))).toEqual([]);
    }
  }
});
