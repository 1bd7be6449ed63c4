import { expect, test } from 'vitest';
import { allBroken, gapMs, judge } from '../../src/demo/judge.ts';
import { reportOf } from '../../src/demo/report.ts';
import { exampleHistory, GAP_MS, STRIKE } from './example-history.ts';

const strike = { fault: 'freeze', at: STRIKE, node: 'node-2' } as const;
const END = { until: STRIKE + 1500, whole: true };

test('judge() finds who took over, and how long nobody answered', () => {
  const outcome = judge(exampleHistory(), strike, END);
  expect(outcome.broken).toEqual([]);
  expect(outcome.successor).toEqual({ node: 'node-3', at: STRIKE + 235 + GAP_MS });
  expect(gapMs(outcome)).toBeCloseTo(GAP_MS, -1);
  expect(outcome.requests).toEqual({ total: 75, failed: 17 });
});

test('judge() calls two holders what they are, even for no measurable time', () => {
  const history = exampleHistory();
  history.holding.splice(
    1,
    2,
    { at: STRIKE + 235, node: 'node-3', held: true },
    { at: STRIKE + 235, node: 'node-2', held: false },
  );
  expect(judge(history, strike, END).broken).toEqual(['Two nodes held the VIP at once']);
});

test('judge() believes the client where the kernel saw nothing', () => {
  const history = exampleHistory();
  for (let sentAt = STRIKE + 700; sentAt < STRIKE + 800; sentAt += 2) {
    history.probes.push({ sentAt, answer: { at: sentAt, node: 'node-2' } });
  }
  expect(judge(history, strike, END).broken).toEqual(['Two nodes answered for the VIP at once']);
});

test('judge() wants a successor from three nodes, and none from two', () => {
  const history = exampleHistory();
  history.holding.splice(2);
  expect(judge(history, strike, END).broken).toEqual(['No node took over in time']);
  const two = { ...history, nodes: ['node-1', 'node-2'] };
  expect(judge(two, strike, END).broken).toEqual([]);
});

test('reportOf() is the document of --json', () => {
  const history = exampleHistory();
  history.accidents.push('The daemon of node-1 ended by itself with 70');
  expect(allBroken(history)).toEqual(['The daemon of node-1 ended by itself with 70']);
  expect(reportOf(history)).toMatchInlineSnapshot(`
    {
      "apiVersion": "fairlead.io/v1",
      "broken": [
        "The daemon of node-1 ended by itself with 70",
      ],
      "faults": [
        {
          "fault": "freeze",
          "from": "node-2",
          "gapMs": 341,
          "requests": {
            "failed": 17,
            "total": 75,
          },
          "takeoverMs": 575,
          "to": "node-3",
          "twoHoldersMs": 0,
        },
      ],
      "kind": "DemoReport",
      "nodes": 3,
      "vip": "192.0.2.100",
    }
  `);
});
