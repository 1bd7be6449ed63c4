import type { Node } from 'yaml';
import type { Problem } from './problem.ts';
import type { FieldEntry, Origin, SourceNode } from './source.ts';

/** What a file may hold at most, counted after its aliases are followed. */
const MAX_NODES = 200_000;
/** Deeper than any option goes; an alias inside its own anchor goes deeper. */
const MAX_DEPTH = 16;

export interface ParsedFile {
  /** Undefined when the file is empty. */
  readonly root: SourceNode | undefined;
  readonly problems: readonly Problem[];
}

/**
 * Reads YAML 1.2 (and so JSON) into a tree with positions. The library is loaded here and only
 * here, so that nobody pays for it who has no file.
 */
export async function parseYamlFile(file: string, text: string): Promise<ParsedFile> {
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  const at = (offset: number): Origin => {
    const { line, col } = lines.linePos(offset);
    return { kind: 'file', file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const document = yaml.parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Two equal keys are reported by us, with the place of the first.
    uniqueKeys: false,
    // Silent would also keep still about a second document.
    logLevel: 'error',
  });
  const problems: Problem[] = [...document.errors, ...document.warnings].map((error) => ({
    origin: at(error.pos[0]),
    ...explainSyntax(error.code, error.message),
  }));
  if (document.errors.length > 0 || document.contents === null) {
    return { root: undefined, problems };
  }
  const reader = { yaml, anchors: new Map(), at, problems, nodes: 0, exhausted: false };
  const root = convert(reader, document.contents, 0);
  return { root: reader.exhausted ? undefined : root, problems };
}

interface TreeReader {
  readonly yaml: typeof import('yaml');
  readonly anchors: Map<string, Node>;
  readonly at: (offset: number) => Origin;
  readonly problems: Problem[];
  nodes: number;
  exhausted: boolean;
}

function convert(reader: TreeReader, node: unknown, depth: number): SourceNode | undefined {
  const { yaml } = reader;
  // A few lines of aliases can stand for billions of nodes: past the bound no further one is
  // visited.
  if (!yaml.isNode(node) || reader.exhausted) return undefined;
  const origin = reader.at(node.range?.[0] ?? 0);
  reader.nodes += 1;
  if (reader.nodes > MAX_NODES || depth > MAX_DEPTH) {
    reader.exhausted = true;
    reader.problems.push({
      origin,
      what: 'aliases and nesting make this file too large',
      fix: 'write the values out, without anchors',
    });
    return undefined;
  }
  if (yaml.isAlias(node)) {
    const meant = reader.anchors.get(node.source);
    if (meant !== undefined) return convert(reader, meant, depth + 1);
    reader.problems.push({ origin, ...explainSyntax('BAD_ALIAS', '') });
    return undefined;
  }
  // In the order of the text, so that an alias means the last anchor before it (YAML 1.2 §7.1).
  if (node.anchor !== undefined) reader.anchors.set(node.anchor, node);
  if (yaml.isScalar(node)) return scalar(node.value, node.source, origin);
  if (yaml.isSeq(node)) {
    const items = node.items.map((item) => convert(reader, item, depth + 1));
    return { kind: 'list', items: items.filter((item) => item !== undefined), origin };
  }
  if (!yaml.isMap(node)) return undefined;
  const entries: FieldEntry[] = [];
  for (const pair of node.items) {
    const keyNode: unknown = pair.key;
    const keyOrigin = reader.at(rangeStart(yaml.isNode(keyNode) ? keyNode : node));
    const value = pair.value === null ? undefined : convert(reader, pair.value, depth + 1);
    const key = yaml.isScalar(keyNode) ? String(keyNode.source ?? keyNode.value) : '(not a name)';
    entries.push({ key, keyOrigin, value: value ?? scalar(null, '', keyOrigin) });
  }
  return { kind: 'fields', entries, origin };
}

function scalar(value: unknown, source: string | undefined, origin: Origin): SourceNode {
  const known =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? value
      : null;
  return { kind: 'scalar', value: known, text: source ?? String(known ?? ''), origin };
}

function rangeStart(node: Node): number {
  return node.range?.[0] ?? 0;
}

/** The parser's words are for people who know its grammar; the common mistakes get plainer ones. */
function explainSyntax(code: string, message: string): Pick<Problem, 'what' | 'fix'> {
  switch (code) {
    case 'TAB_AS_INDENT':
      return { what: 'a tab indents this line', fix: 'indent with spaces' };
    case 'MULTIPLE_DOCS':
      return { what: 'a second document begins here', fix: 'write one document in a file' };
    case 'BAD_ALIAS':
      return { what: 'an alias names no anchor before it', fix: 'write the value itself' };
    case 'TAG_RESOLVE_FAILED':
      return { what: 'a YAML tag is of no use here', fix: 'write the value without a tag' };
    default:
      return {
        what: `not YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`,
        fix: 'see "fairlead config sample" for a file that is',
      };
  }
}
