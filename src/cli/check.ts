import type { Command } from 'commander';
import { overridesOf } from '../config/overrides.ts';
import { CHECKS } from './check/catalog.ts';
import { gatherFacts } from './check/facts.ts';
import { type Finding, findingsOf } from './check/findings.ts';
import { EXIT_CODES } from './command-error.ts';
import { addConfigFlags, type Flags, sourcesOf } from './config-flags.ts';
import {
  drawingFor,
  formatObject,
  isForPrograms,
  type OutputFormat,
  outputOption,
} from './output.ts';
import type { Drawing } from './status-table.ts';

interface CheckFlags extends Flags {
  readonly output: OutputFormat;
}

/**
 * `fairlead check`: whether this machine can do what the configuration asks, before the daemon
 * runs.
 */
export function register(program: Command): void {
  const check = program
    .command('check')
    .description('look whether this machine can do what the configuration asks');
  addConfigFlags(check).addOption(outputOption()).action(runChecks);
}

async function runChecks(options: CheckFlags): Promise<void> {
  const sources = sourcesOf(options, 'run');
  const said = sources.file !== undefined || overridesOf(sources).size > 0;
  const findings = findingsOf(await gatherFacts(said ? sources : undefined));
  const { output } = options;
  process.stdout.write(
    isForPrograms(output)
      ? await formatObject(reportOf(findings), output)
      : drawFindings(findings, drawingFor(process.stdout, process.env, false)),
  );
  if (findings.some(({ level }) => level === 'failed')) process.exitCode = EXIT_CODES.failed;
}

function reportOf(findings: readonly Finding[]): object {
  return {
    apiVersion: 'fairlead.io/v1',
    kind: 'CheckReport',
    passed: findings.every(({ level }) => level !== 'failed'),
    findings: findings.map(({ id, ...rest }) => ({
      id,
      section: CHECKS[id].section,
      ...rest,
      docs: docsOf(id),
    })),
  };
}

const SIGNS = { ok: '√', warning: '‼', failed: '×' } as const;

/** Sections of lines; below each that is not well, its cure and where to read on. */
export function drawFindings(findings: readonly Finding[], drawing: Drawing): string {
  const lines: string[] = [];
  let section = '';
  for (const { id, level, what, cure } of findings) {
    const own = CHECKS[id].section;
    if (own !== section) lines.push(...(section === '' ? [] : ['']), own);
    section = own;
    const style = { ok: drawing.good, warning: drawing.bad, failed: drawing.bad }[level];
    lines.push(`${style(SIGNS[level])} ${what}`);
    if (cure !== undefined) lines.push(`    ${cure}`);
    if (level !== 'ok') lines.push(drawing.dim(`    ${docsOf(id)}`));
  }
  const failed = findings.filter(({ level }) => level === 'failed').length;
  const warned = findings.filter(({ level }) => level === 'warning').length;
  lines.push(
    '',
    `${failed} failed, ${warned} to look at, ${findings.length - failed - warned} well`,
  );
  return `${lines.join('\n')}\n`;
}

function docsOf(id: Finding['id']): string {
  return `docs/reference/checks.md#${id}`;
}
