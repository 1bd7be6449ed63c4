import { codeOnly, type Finding, lineOf, type SourceFile } from './source.ts';

const MAX_LINES = 500;
export const MAX_COLUMNS = 100;

/**
 * Who alone may do what in src/: effects that are easy to do anywhere, and wrong nearly everywhere.
 */
const OWNED_EFFECTS: readonly { readonly code: RegExp; readonly owner: RegExp; what: string }[] = [
  {
    code: /\bprocess\.exit\b/g,
    owner: /^src\/(main\.ts|demo\/part\/)/,
    what: 'only main.ts ends the process',
  },
  {
    code: /\b(?:Date\.now|performance\.now|process\.hrtime)\b|\bnew Date\(\)/g,
    owner: /^src\/(daemon\/clock\.ts|demo\/|cli\/)/,
    what: 'the daemon has one clock, daemon/clock.ts: take an Instant',
  },
];

/**
 * Checks length and width. Text in a template literal (a snapshot, a story) is as wide as it is.
 */
export function checkShape(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  const lines = file.text.replace(/\n$/, '').split('\n');
  if (lines.length > MAX_LINES) {
    const what = `${lines.length} lines, more than ${MAX_LINES}: find the second idea in it`;
    findings.push({ file: file.path, line: MAX_LINES, what });
  }
  const inTemplate = templateLines(file.text);
  for (const [index, line] of lines.entries()) {
    const columns = Array.from(line).length;
    if (columns <= MAX_COLUMNS || inTemplate.has(index) || isQuotation(line)) continue;
    findings.push({ file: file.path, line: index + 1, what: `${columns} columns` });
  }
  return findings;
}

/** Whether a line of code is long only by a text in it, which no formatter would break. */
function isQuotation(line: string): boolean {
  if (/https?:\/\//.test(line)) return true;
  const isComment = /^\s*(?:\/\/|\/?\*)/.test(line);
  const indent = line.search(/\S/);
  const code = codeOnly(line).slice(indent).replaceAll(/ {2,}/g, ' ').trimEnd();
  return !isComment && /['"`]/.test(line) && indent + code.length <= MAX_COLUMNS;
}

/** Numbers of the lines that begin inside a template literal. */
function templateLines(text: string): Set<number> {
  const code = codeOnly(text).split('\n');
  const lines = text.split('\n');
  const inside = new Set<number>();
  for (const [index, line] of lines.entries()) {
    // A blanked first column that is not blank in the text is inside something quoted or commented.
    const start = line.search(/\S/);
    const blanked = start >= 0 && code[index]?.charAt(start) === ' ';
    if (blanked && !/^\s*(\/\/|\/\*|\*|['"])/.test(line)) inside.add(index);
  }
  return inside;
}

/** Checks what only one file of src/ may do. */
export function checkEffects(file: SourceFile): Finding[] {
  const code = codeOnly(file.text);
  return OWNED_EFFECTS.filter(({ owner }) => !owner.test(file.path)).flatMap((effect) =>
    [...code.matchAll(effect.code)].map((match) => ({
      file: file.path,
      line: lineOf(code, match.index),
      what: effect.what,
    })),
  );
}

/** Checks for exports that have no name of their own. */
export function checkExports(file: SourceFile): Finding[] {
  return [...codeOnly(file.text).matchAll(/^export default\b/gm)].map((match) => ({
    file: file.path,
    line: lineOf(file.text, match.index),
    what: 'name the export: a default one has a name of its own in every file',
  }));
}
