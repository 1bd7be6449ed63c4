/** Kinds that hold others: lists, and tables of options. */
import {
  isShown,
  type Kind,
  type Options,
  type Reading,
  type Shorthand,
  type Values,
} from './kind.ts';
import {
  type FieldsNode,
  formatOrigin,
  isBareText,
  isBlank,
  type SourceNode,
  textNode,
} from './source.ts';
import { nearest } from './suggest.ts';

/** An element with the path it stood at, which stays right when a neighbour was wrong. */
export interface Placed<T> {
  readonly path: string;
  readonly value: T;
}

/** In the environment and in flags, elements are joined by commas. */
export function listOf<T>(name: string, of: Kind<T>): Kind<readonly Placed<T>[]> {
  return {
    name,
    shape: { type: 'list', of },
    read(node, reading) {
      if (node.kind !== 'list' && !isBareText(node)) {
        reading.report(
          node.origin,
          `${reading.path} is not ${name}`,
          'begin each element on a line of its own with "- "',
        );
        return undefined;
      }
      const placed: Placed<T>[] = [];
      for (const [index, item] of itemsOf(node, of, reading).entries()) {
        const path = reading.pathOf(index);
        const value = reading.below(index, item, of);
        if (value !== undefined) placed.push({ path, value });
      }
      return placed;
    },
  };
}

function itemsOf(node: SourceNode, of: Kind<unknown>, reading: Reading): readonly SourceNode[] {
  if (isBareText(node)) {
    return node.text.split(',').map((part) => textNode(part.trim(), node.origin));
  }
  const items = node.kind === 'list' ? node.items : [];
  if (items.length > 0) return items;
  const first = reading.standIn(reading.pathOf(0), of);
  return first === undefined ? [] : [first];
}

/** A table of options as a value. `shorthand` turns other ways to write it into fields. */
export function fieldsKind<O extends Options>(
  name: string,
  options: O,
  shorthand?: Shorthand,
): Kind<Values<O>> {
  return {
    name,
    shape: { type: 'fields', options, textInFile: shorthand?.inFile ?? false },
    read(node, reading) {
      if (node.kind === 'fields') return readFields(options, node, reading);
      const before = reading.problems.length;
      const fields = shorthand?.expand(node, reading);
      if (fields !== undefined) return readFields(options, fields, reading);
      if (reading.problems.length === before) {
        reading.report(
          node.origin,
          `${reading.path} is not ${name}`,
          `write ${exampleOf(options)}`,
        );
      }
      return undefined;
    },
  };
}

/** Turns what a kind gives into something better, or into undefined after reporting why not. */
export function refine<T, R>(
  kind: Kind<T>,
  convert: (value: T, node: SourceNode, reading: Reading) => R | undefined,
): Kind<R> {
  return {
    name: kind.name,
    shape: kind.shape,
    read(node, reading) {
      const value = kind.read(node, reading);
      return value === undefined ? undefined : convert(value, node, reading);
    },
  };
}

/** Reads the fields of `node`, with the environment and the flags above them and defaults below. */
export function readFields<O extends Options>(
  options: O,
  node: FieldsNode,
  reading: Reading,
): Values<O> {
  const given = matchEntries(options, node, reading);
  const values: Record<string, unknown> = {};
  for (const [name, each] of Object.entries(options)) {
    const path = reading.pathOf(name);
    const written =
      reading.overrides.get(path) ?? given.get(name) ?? reading.standIn(path, each.kind);
    if (written === undefined || isBlank(written) || (each.zeroIsBlank && isZero(written))) {
      values[name] = each.fallback;
      if (isShown(each.fallback)) reading.explain(path, each.fallback, { kind: 'default' });
      if (each.required) {
        reading.report(node.origin, `${path} is missing`, `write ${name}: ${each.example ?? '…'}`);
      }
    } else {
      values[name] = reading.below(name, written, each.kind) ?? each.fallback;
    }
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- built above from O, key by key
  return values as Values<O>;
}

/** Finds the option that each key names; reports keys that name none, and those given twice. */
function matchEntries(
  options: Options,
  node: FieldsNode,
  reading: Reading,
): ReadonlyMap<string, SourceNode> {
  const found = new Map<string, SourceNode>();
  for (const { key, keyOrigin, value } of node.entries) {
    const name = nameOf(key, options);
    if (name === undefined) {
      const shown = Object.keys(options).filter((each) => options[each]?.refused !== true);
      const near = nearest(key, shown);
      reading.report(
        keyOrigin,
        `unknown key ${reading.pathOf(key)}`,
        near === undefined
          ? `remove it, or write ${listed(shown)}`
          : `did you mean ${near}? Write ${near}, or remove it`,
      );
      continue;
    }
    const first = found.get(name);
    if (first !== undefined && !isBlank(first)) {
      reading.report(
        keyOrigin,
        `${reading.pathOf(name)} is given twice, first at ${formatOrigin(first.origin)}`,
        'keep one of the two',
      );
      continue;
    }
    found.set(name, value);
  }
  return found;
}

/** All of a short list; of a long one, where to find it. */
function listed(names: readonly string[]): string {
  return names.length <= 8 ? `one of ${names.join(', ')}` : 'one of docs/reference/config.md';
}

function nameOf(key: string, options: Options): string | undefined {
  if (Object.hasOwn(options, key)) return key;
  const folded = key.toLowerCase();
  for (const [name, { aliases, seed }] of Object.entries(options)) {
    if (aliases.includes(key)) return name;
    if (seed && [name, ...aliases].some((each) => each.toLowerCase() === folded)) return name;
  }
  return undefined;
}

function exampleOf(options: Options): string {
  const shown = Object.entries(options).filter(([, { required }]) => required);
  return `{${shown.map(([name, { example }]) => `${name}: ${example ?? '…'}`).join(', ')}}`;
}

function isZero(node: SourceNode): boolean {
  return node.kind === 'scalar' && (node.value === 0 || node.value === '0');
}
