import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { onStage, PROGRAM } from './lab.ts';
import { needsLab } from './namespaces.ts';

/** The nice value of each thread, by its name (proc(5), stat); the first one is called `main`. */
function niceOf(pid: number): Readonly<Record<string, number>> {
  const threads = readdirSync(`/proc/${pid}/task`).map((tid) => {
    const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8');
    const end = stat.lastIndexOf(')');
    const name = tid === String(pid) ? 'main' : stat.slice(stat.indexOf('(') + 1, end);
    return [name, Number(stat.slice(end + 2).split(' ')[16])] as const;
  });
  return Object.fromEntries(threads);
}

function guardOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
}

const ALONE = { nodes: 1, settings: { extra: ['singleNode: true'] } } as const;

needsLab(
  'daemon and guard run before other programs, and the load they balance does not',
  async () => {
    await onStage(ALONE, async (stage) => {
      stage.startDaemons();
      expect(await stage.untilWhole(5000)).toBe(true);
      const { pid } = stage.daemon('node-1');
      const balancing = { 'fl-forward': 0, 'fl-forward-0': 0 };
      const serving = { main: -10, 'fairlead-kernel': -10, 'fairlead-gate': -20 };
      expect(niceOf(pid)).toMatchObject({ ...serving, ...balancing });
      expect(niceOf(guardOf(pid))).toMatchObject({ main: -10 });
    });
  },
);

needsLab('a nice value that somebody has chosen stays', async () => {
  const program = ['/usr/bin/nice', '-n', '5', ...PROGRAM] as const;
  await onStage({ ...ALONE, program }, async (stage) => {
    stage.startDaemons();
    expect(await stage.untilWhole(5000)).toBe(true);
    const { pid } = stage.daemon('node-1');
    expect(niceOf(pid)).toMatchObject({ main: 5, 'fl-forward-0': 5 });
    expect(niceOf(guardOf(pid))).toMatchObject({ main: 5 });
  });
});

needsLab('without CAP_SYS_NICE the VIP is held at the priority of any program', async () => {
  const program = [
    'setpriv',
    '--bounding-set=-sys_nice',
    '--inh-caps=-sys_nice',
    ...PROGRAM,
  ] as const;
  await onStage({ ...ALONE, program }, async (stage) => {
    stage.startDaemons();
    expect(await stage.untilWhole(5000)).toBe(true);
    const { pid } = stage.daemon('node-1');
    expect(niceOf(pid)).toMatchObject({ main: 0, 'fairlead-gate': 0, 'fl-forward-0': 0 });
  });
});
