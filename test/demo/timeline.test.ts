import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import type { Screen } from '../../src/demo/timeline/cells.ts';
import { drawFrame } from '../../src/demo/timeline/frame.ts';
import { exampleHistory, START } from './example-history.ts';

const plain: Screen = { columns: 80, rows: 24, color: false, unicode: true };

function draw(at: number, screen: Partial<Screen> = {}): string {
  return drawFrame(exampleHistory(), START + at, { ...plain, ...screen }).join('\n');
}

test('drawFrame() shows who holds the VIP, who answers, and the gap to scale', () => {
  expect(draw(5000)).toMatchInlineSnapshot(`
    " fairlead demo  3 nodes, one VIP 192.0.2.100  5.0 s
     freeze: the daemon of node-2 is frozen (SIGSTOP)

                                            ▼ freeze
     1 node-1 ──────────────────────────────────────────────────
     2 node-2 ──────────███████████████████▓▓▓▌┄┄┄┄┄┄┄┄┄────────
     3 node-3 ────────────────────────────────────██████████████
     client        ·····22222222222222222222222··3333333333333333333333333
              ╵0 s      ╵1 s      ╵2 s      ╵3 s      ╵4 s      ╵5 s      ╵6 s
     █▓ has the VIP  ─ waits  × dead  ┄ frozen  ╱ unplugged  123 answers  · nobody

     freeze of node-2, closer: one column is 10 ms
     2 node-2 █████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▌┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
     3 node-3 ───────────────────────────────────────────────────────────────▐██████
     client   222222222222222222222222222222·································3333333
                    ╵0 ms     ╵100      ╵200      ╵300      ╵400      ╵500      ╵600

     freeze   gap   341 ms            ██████████████████████████████"
  `);
});

test('drawFrame() does with ASCII where the locale has no more', () => {
  expect(draw(5000, { unicode: false })).toMatchInlineSnapshot(`
    " fairlead demo  3 nodes, one VIP 192.0.2.100  5.0 s
     freeze: the daemon of node-2 is frozen (SIGSTOP)

                                            v freeze
     1 node-1 --------------------------------------------------
     2 node-2 ----------###################%%%#~~~~~~~~~--------
     3 node-3 ------------------------------------##############
     client        .....22222222222222222222222..3333333333333333333333333
              '0 s      '1 s      '2 s      '3 s      '4 s      '5 s      '6 s
     #% has the VIP  - waits  x dead  ~ frozen  / unplugged  123 answers  . nobody

     freeze of node-2, closer: one column is 10 ms
     2 node-2 #####%%%%%%%%%%%%%%%%%%%%%%%%#~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
     3 node-3 ---------------------------------------------------------------#######
     client   222222222222222222222222222222.................................3333333
                    '0 ms     '100      '200      '300      '400      '500      '600

     freeze   gap   341 ms            ##############################"
  `);
});

test('drawFrame() tells nothing by colour alone', () => {
  const painted = draw(5000, { color: true });
  expect(painted).toContain('\x1b[');
  const words = stripVTControlCharacters(painted).replaceAll(/ +$/gm, '');
  expect(words).toBe(draw(5000));
});
