import path from 'node:path';
import { codeOnly, type Finding, lineOf, type SourceFile } from './source.ts';

/** What the files of one folder of src/ may import. */
interface Layer {
  /** Folders of src/ whose values and types it may import, besides itself. */
  readonly folders: readonly string[];
  /** Folders of which it may import types only. */
  readonly types?: readonly string[];
  /** npm packages that it may import; nearly every one has a single owner. */
  readonly packages?: readonly string[];
  /** Modules of Node, without `node:`. */
  readonly node?: readonly string[];
}

/** Modules of Node that reach nothing outside the process, so any shell may have them. */
const HARMLESS = ['path', 'util', 'url', 'events', 'timers', 'timers/promises'];

/**
 * Who may import whom. A folder that is not listed here has not been thought about, so its files
 * are findings until it is.
 */
const LAYERS: Readonly<Record<string, Layer>> = {
  core: { folders: [] },
  config: { folders: ['core'], packages: ['yaml'], node: ['fs', 'fs/promises', 'os', ...HARMLESS] },
  telemetry: { folders: ['core'], packages: ['pino'], node: ['http', ...HARMLESS] },
  raft: {
    folders: ['core'],
    types: ['telemetry'],
    node: ['dgram', 'crypto', 'fs', 'fs/promises', ...HARMLESS],
  },
  health: {
    folders: ['core'],
    node: ['crypto', 'fs', 'fs/promises', 'http', 'net', 'tls', ...HARMLESS],
  },
  dataplane: {
    folders: ['core'],
    types: ['telemetry'],
    packages: ['node-gyp-build'],
    node: ['child_process', 'fs', 'module', 'net', 'stream', ...HARMLESS],
  },
  daemon: {
    folders: ['core', 'config', 'telemetry'],
    node: ['fs', 'fs/promises', 'net', 'os', 'crypto', 'worker_threads', ...HARMLESS],
  },
  demo: {
    folders: ['core', 'config', 'dataplane', 'telemetry'],
    node: [
      'child_process',
      'crypto',
      'dgram',
      'fs',
      'fs/promises',
      'net',
      'os',
      'readline',
      'tty',
      ...HARMLESS,
    ],
  },
  cli: {
    // A command starts what it stands for: the daemon, the demo, a look at the kernel.
    folders: ['core', 'config', 'telemetry', 'daemon', 'dataplane', 'raft', 'demo'],
    packages: ['commander', 'yaml'],
    node: ['dgram', 'dns/promises', 'fs', 'fs/promises', 'net', 'os', 'module', 'v8', ...HARMLESS],
  },
  main: { folders: ['cli', 'core'], node: [] },
};

/** The files that join what the table keeps apart, and what they may join. */
const JOINTS: Readonly<Record<string, readonly string[]>> = {
  'src/daemon/daemon.ts': ['raft', 'dataplane', 'health'],
};

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly line: number;
}

const STATEMENT = /^[ \t]*(?:import|export)(\s+type\b)?(?:[\s\w{},*$]*?\sfrom)?\s*'([^']+)'/gm;
const CALL = /\b(?:import|require)\(\s*'([^']+)'/g;

/** Every module that a TypeScript file names, also by `import()`. */
function importsOf(file: SourceFile): Import[] {
  const code = codeOnly(file.text);
  const isCode = (offset: number): boolean => /\S/.test(code.slice(offset, offset + 6));
  const found = [
    ...[...file.text.matchAll(STATEMENT)].map((match) => ({
      specifier: match[2] ?? '',
      typeOnly: match[1] !== undefined,
      offset: match.index + match[0].search(/\S/),
    })),
    ...[...file.text.matchAll(CALL)].map((match) => ({
      specifier: match[1] ?? '',
      typeOnly: false,
      offset: match.index,
    })),
  ];
  return found
    .filter(({ offset }) => isCode(offset))
    .map(({ offset, ...rest }) => ({ ...rest, line: lineOf(file.text, offset) }));
}

/** The folder of src/ that a path belongs to: `main` for src/main.ts. */
function layerOf(file: string): string {
  return path.posix.relative('src', file).split('/')[0]?.replace(/\.ts$/, '') ?? '';
}

/** Checks the imports of one file of src/ against the table. */
export function checkLayer(file: SourceFile): Finding[] {
  const layer = layerOf(file.path);
  const rule = LAYERS[layer];
  if (rule === undefined) {
    return [{ file: file.path, line: 1, what: `src/${layer} is not in test/tidy/layers.ts` }];
  }
  return importsOf(file).flatMap((one) => {
    const what = refusal(file.path, layer, rule, one);
    return what === undefined ? [] : [{ file: file.path, line: one.line, what }];
  });
}

function refusal(file: string, layer: string, rule: Layer, one: Import): string | undefined {
  const { specifier, typeOnly } = one;
  if (specifier.startsWith('node:')) {
    const name = specifier.slice('node:'.length);
    return rule.node?.includes(name) ? undefined : `${layer} may not import ${specifier}`;
  }
  if (!specifier.startsWith('.')) {
    const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1);
    if (rule.packages?.includes(name.join('/'))) return undefined;
    return `${layer} does not own the package "${name.join('/')}"`;
  }
  // The program's version has no other place.
  if (layer === 'cli' && specifier === '../../package.json') return undefined;
  const target = layerOf(path.posix.join(path.posix.dirname(file), specifier));
  const allowed = [
    layer,
    ...rule.folders,
    ...(typeOnly ? (rule.types ?? []) : []),
    ...(JOINTS[file] ?? []),
  ];
  if (allowed.includes(target)) return undefined;
  const only = rule.types?.includes(target) ? ' except for its types' : '';
  return `${layer} may not import ${target}${only}: ${specifier}`;
}
