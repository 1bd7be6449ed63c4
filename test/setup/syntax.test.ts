import { transformSync } from 'esbuild';
import { expect, test } from 'vitest';
import { readSources } from '../tidy/source.ts';

// An old Node must get as far as the sentence about itself, so set-up stays in its language. (Run
// by hand as well, with the real 12.22, 14.21, 16.20 and 18.20: each ends with 2 and that
// sentence.)
const files = readSources(['.'], ['.cjs']);

test.each(files)('$path is written in what Node 12 understands', ({ text }) => {
  // esbuild rewrites what the target lacks; text that it leaves alone has nothing of the kind.
  expect(transformSync(text, { target: 'node12.22' }).code).toBe(transformSync(text).code);
});

test.each(files)("$path names Node's modules as Node 12 does", ({ text }) => {
  expect(text).not.toMatch(/require\(['"]node:/);
});

test('the check bites', () => {
  for (const code of ['a?.b', 'a ?? b', 'a ||= b', 'class A { #b() {} }']) {
    expect(transformSync(code, { target: 'node12.22' }).code).not.toBe(transformSync(code).code);
  }
});
