import { beforeAll, expect, test } from 'vitest';
import { buildProgram, fairlead } from '../cli/fairlead.ts';

beforeAll(buildProgram);

/** The findings of a check of this very machine. */
async function check(...flags: string[]): Promise<readonly unknown[]> {
  const { out, err } = await fairlead(['check', '--singleNode', ...flags, '-o', 'json']);
  expect(err).toBe('');
  return JSON.parse(out).findings;
}

test('check finds the addon, the guard, and the interface that a VIP would go to', async () => {
  const findings = await check('--vip', '192.0.2.75', '--interface', 'lo');
  for (const id of ['addon', 'guard']) {
    expect(findings).toContainEqual(expect.objectContaining({ id, level: 'ok' }));
  }
  expect(findings).toContainEqual(
    expect.objectContaining({
      id: 'interface',
      what: expect.stringMatching(/^(?:VIP 192\.0\.2\.75 goes to lo|lo, for VIP 192\.0\.2\.75,)/),
    }),
  );
});

test('check ends with 1 when something is wrong, and says where to read on', async () => {
  const flags = ['--singleNode', '--vip', '192.0.2.75', '--interface', 'nowhere0'];
  const { code, out } = await fairlead(['check', ...flags]);
  expect(code).toBe(1);
  expect(out).toContain('× VIP 192.0.2.75 (interface: nowhere0) has no interface here\n');
  expect(out).toContain('    docs/reference/checks.md#interface\n');
});
