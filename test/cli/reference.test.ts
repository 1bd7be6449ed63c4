import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checksReference } from '../../src/cli/check/catalog.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { cliReference } from '../../src/cli/reference.ts';
import { configReference } from '../../src/config/reference.ts';

function committed(name: string): string {
  return readFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), 'utf8');
}

test('docs/reference/config.md is what the table says (else run: npm run docs)', () => {
  expect(committed('config.md')).toBe(configReference());
});

test('docs/reference/checks.md is what the catalog says (else run: npm run docs)', () => {
  expect(committed('checks.md')).toBe(checksReference());
});

test('docs/reference/cli.md is what the commands say (else run: npm run docs)', async () => {
  expect(committed('cli.md')).toBe(cliReference(await buildProgram()));
});
