import { codeOnly, type Finding, lineOf, type SourceFile } from './source.ts';

/** Words that say nothing of the thing they name, and what to ask instead. */
const BANNED: ReadonlyMap<string, string> = new Map([
  ['manager', 'name what it does'],
  ['helper', 'name what it does'],
  ['helpers', 'name what they do'],
  ['util', 'name what it does'],
  ['utils', 'name what they do'],
  ['misc', 'name what is in it'],
  ['data', 'name what it is'],
  ['info', 'name what it is'],
  ['master', 'say leader or holder'],
  ['slave', 'say follower or candidate'],
]);

/** Names that others gave, and that users, Node or node-addon-api know them by. */
const KNOWN = new Set([
  'dataDir', // The option, as etcd and Consul call theirs.
  'CallbackInfo', // node-addon-api
  'DataView', // ECMAScript
  'info', // pino's level; N-API's customary parameter
  'tcp_info', // linux/tcp.h
  'master', // A link's, as the kernel's IFLA_MASTER names it.
]);

/** Verbs that any function could be called. */
const EMPTY_VERB = /^(?:handle|process|do)(?:[A-Z_].*)?$/;
const DECLARED_FUNCTION =
  /\b(?:function\s*\*?\s*|const\s+|let\s+)([A-Za-z_]\w*)\s*(?:=\s*(?:async\s*)?(?:\([^()]*\)|\w+)\s*(?::[^=]+)?=>|<[^(]*>\s*\(|\()/g;

/** A reminder in a comment. */
const REMINDER = /(?<=(?:^|\s)(?:\/\/|\/?\*+)\s.*)\b(?:TODO|FIXME|XXX|HACK)\b(?!\s?\(#\d+\))/gm;

/** Checks the identifiers that a file makes up. Members of other people's values are theirs. */
export function checkWords(file: SourceFile): Finding[] {
  const code = codeOnly(file.text);
  const findings: Finding[] = [];
  const found = (offset: number, what: string): void => {
    findings.push({ file: file.path, line: lineOf(file.text, offset), what });
  };
  // A number's suffix is no name, nor is what follows a dot or an arrow.
  for (const match of code.matchAll(/(?<![\w.$]|->|::)[A-Za-z_$][\w$]*/g)) {
    const name = match[0];
    if (KNOWN.has(name) || isKernelName(name)) continue;
    for (const word of wordsOf(name)) {
      const advice = BANNED.get(word);
      if (advice !== undefined) found(match.index, `"${word}" in ${name}: ${advice}`);
    }
  }
  for (const match of code.matchAll(DECLARED_FUNCTION)) {
    const name = match[1] ?? '';
    if (EMPTY_VERB.test(name)) found(match.index, `${name}(): use a verb that says what it does`);
  }
  for (const match of file.text.matchAll(REMINDER)) {
    found(match.index, `${match[0]} without an issue: write ${match[0]} (#12)`);
  }
  return findings;
}

/** IFLA_INFO_DATA and __user_cap_data_struct: as the kernel's headers spell them. */
function isKernelName(name: string): boolean {
  return /^(?:[A-Z][A-Z0-9_]*|__\w+)$/.test(name);
}

function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[\s_$]+/)
    .map((word) => word.toLowerCase());
}

/** Checks the path itself: banned words, catch-all names, and the spelling of the language. */
export function checkPath(path: string): Finding[] {
  const findings: Finding[] = [];
  const found = (what: string): void => {
    findings.push({ file: path, line: 1, what });
  };
  const name = path.split('/').at(-1) ?? '';
  const stem = name.replace(/(\.test)?\.\w+$/, '');
  for (const word of path.split(/[/._-]+/)) {
    const advice = BANNED.get(word);
    if (advice !== undefined) found(`"${word}" in a path: ${advice}`);
  }
  if (/^(types|index|common|shared)\.(ts|cc|h)$/.test(name)) found('name a file after its idea');
  const isCpp = /\.(cc|h)$/.test(name);
  if (isCpp && !/^[a-z0-9]+(_[a-z0-9]+)*$/.test(stem)) found('C++ files are snake_case');
  const isScript = /\.(ts|mjs|cjs)$/.test(name);
  if (isScript && !/^[a-z0-9]+([-.][a-z0-9]+)*$/.test(stem)) found('files are kebab-case');
  return findings;
}
