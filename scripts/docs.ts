// Rewrites docs/reference/ from the tables in the code: `npm run docs`. A test compares.
import { mkdirSync, writeFileSync } from 'node:fs';
import { checksReference } from '../src/cli/check/catalog.ts';
import { buildProgram } from '../src/cli/program.ts';
import { cliReference } from '../src/cli/reference.ts';
import { configReference } from '../src/config/reference.ts';

mkdirSync('docs/reference', { recursive: true });
writeFileSync('docs/reference/config.md', configReference());
writeFileSync('docs/reference/checks.md', checksReference());
writeFileSync('docs/reference/cli.md', cliReference(await buildProgram()));
