import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** One file of the repository: its path from the root, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** A place that breaks a rule. */
export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly what: string;
}

/** Folders that git ignores, and git's own. */
const IGNORED = new Set(['node_modules', 'build', 'dist', '.git']);

export const ROOT: string = path.resolve(import.meta.dirname, '..', '..');

/** Every file below the given folders whose name ends in one of `endings`. */
export function readSources(folders: readonly string[], endings: readonly string[]): SourceFile[] {
  return folders
    .flatMap((folder) => filesBelow(folder))
    .filter((file) => endings.some((ending) => file.endsWith(ending)))
    .map((file) => ({ path: file, text: readFileSync(path.join(ROOT, file), 'utf8') }));
}

function filesBelow(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => !IGNORED.has(entry.name))
    .flatMap((entry) => {
      const name = path.posix.join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(name) : [name];
    });
}

export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** Shows findings one a line, as editors and terminals link them. */
export function show(findings: readonly Finding[]): string[] {
  return findings.map(({ file, line, what }) => `${file}:${line}: ${what}`);
}

/** What can stand before a slash that begins a regular expression rather than a division. */
const BEFORE_PATTERN = /(?:^|[(,=:[!&|?{;+\-*%<>~^]|\breturn)\s*$/;

interface Stretch {
  readonly end: number;
  readonly blank: boolean;
}

/**
 * Blanks out comments, strings and regular expressions, so that what is left is code. Offsets and
 * lines stay as they are. Template literals go whole, with what they interpolate.
 */
export function codeOnly(text: string): string {
  let code = '';
  for (let at = 0; at < text.length; ) {
    const { end, blank } = nextStretch(text, at, code);
    const piece = text.slice(at, end);
    code += blank ? piece.replaceAll(/[^\n]/g, ' ') : piece;
    at = end;
  }
  return code;
}

function nextStretch(text: string, at: number, before: string): Stretch {
  const two = text.slice(at, at + 2);
  const one = text.charAt(at);
  if (two === '//') return { end: endOf(text, /\n|$/g, at), blank: true };
  if (two === '/*') return { end: endOf(text, /\*\/|$(?![\s\S])/g, at + 2), blank: true };
  // In C++ a quote between digits separates thousands.
  if (one === "'" && /\d/.test(before.slice(-1))) return { end: at + 1, blank: false };
  if (one === "'") return { end: endOf(text, /(?<!\\)(?:\\\\)*'|\n/g, at + 1), blank: true };
  if (one === '"') return { end: endOf(text, /(?<!\\)(?:\\\\)*"|\n/g, at + 1), blank: true };
  if (one === '`') return { end: endOf(text, /(?<!\\)(?:\\\\)*`/g, at + 1), blank: true };
  if (one === '/' && BEFORE_PATTERN.test(before.slice(-40))) {
    return { end: endOf(text, /(?<!\\)(?:\\\\)*\/|\n/g, at + 1), blank: true };
  }
  return { end: at + 1, blank: false };
}

function endOf(text: string, pattern: RegExp, from: number): number {
  pattern.lastIndex = from;
  const match = pattern.exec(text);
  return match === null ? text.length : Math.max(match.index + match[0].length, from);
}
