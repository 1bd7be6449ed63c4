import { type Finding, lineOf, type SourceFile } from './source.ts';

/** Which folders of native/ a folder may include: siblings never know each other. */
const INCLUDES: Readonly<Record<string, readonly string[]>> = {
  base: [],
  netlink: ['base'],
  packet: ['base'],
  balance: ['base'],
  forward: ['base', 'balance'],
  guard: ['base'],
  netns: ['base'],
  nft: ['base', 'netlink'],
  gate: ['base', 'nft'],
  binding: ['base', 'netlink', 'packet', 'forward', 'gate'],
  addon: ['binding'],
};

const INCLUDE = /^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]/gm;

/** The folder of native/ that a file belongs to: `addon` for native/addon.cc. */
function folderOf(file: string): string {
  return file.split('/')[1]?.replace(/\.(cc|h)$/, '') ?? '';
}

/** Checks the includes of one C++ file against the table. */
export function checkIncludes(file: SourceFile): Finding[] {
  const folder = folderOf(file.path);
  return [...file.text.matchAll(INCLUDE)].flatMap((match) => {
    const what = refusal(folder, match[1] === '<', match[2] ?? '');
    if (what === undefined) return [];
    return [{ file: file.path, line: lineOf(file.text, match.index), what }];
  });
}

function refusal(folder: string, isSystem: boolean, header: string): string | undefined {
  const allowed = INCLUDES[folder];
  if (allowed === undefined) return `native/${folder} is not in test/tidy/includes.ts`;
  if (/^(napi|node_api|js_native_api)\.h$/.test(header)) {
    const isBoundary = folder === 'binding' || folder === 'addon';
    return isBoundary ? undefined : `only native/binding may include ${header}`;
  }
  if (isSystem) {
    const isKernel = header.startsWith('linux/');
    return isKernel && folder === 'binding' ? `binding may not include ${header}` : undefined;
  }
  const target = header.includes('/') ? header.split('/')[0] : undefined;
  if (target === undefined) return `include "${header}" by its folder, as "${folder}/${header}"`;
  if (target === folder || allowed.includes(target)) return undefined;
  return `${folder} may not include ${target}: "${header}"`;
}
