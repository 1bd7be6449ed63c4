import type { Problem } from './problem.ts';
import type { FieldsNode, Origin, SourceNode } from './source.ts';

/** What a kind is, for the JSON Schema: a scalar's keywords, or what its parts are. */
export type Shape =
  | { readonly type: 'scalar'; readonly schema: { readonly [keyword: string]: unknown } }
  | { readonly type: 'list'; readonly of: Kind<unknown> }
  | { readonly type: 'fields'; readonly options: Options; readonly textInFile: boolean };

/** A kind of value: how it is read from what was written, and how it is described. */
export interface Kind<T> {
  /** In a sentence: "a whole number", "a list of peers". */
  readonly name: string;
  readonly shape: Shape;
  /** Returns undefined for what is blank, and for what is wrong; that has then been reported. */
  read(node: SourceNode, reading: Reading): T | undefined;
}

/** One row of the table of options. `V` contains undefined when there is no default. */
export interface Option<V> {
  readonly kind: Kind<V>;
  readonly description: string;
  readonly unit?: 'µs' | 'ms' | 's';
  readonly fallback: V;
  /** Stands for a default that is computed from others. */
  readonly defaultText?: string;
  readonly environment?: string;
  /** `--name`, or `-n, --name`. */
  readonly flag?: string;
  readonly example?: string;
  readonly required: boolean;
  /** Older keys of the same meaning. */
  readonly aliases: readonly string[];
  /** A key of kube-vip 0.1, whose parser ignored case. */
  readonly seed: boolean;
  /** Known only to be refused by name; not shown in sample, schema and reference. */
  readonly refused: boolean;
  /** kube-vip's own printed sample writes 0 for what is not given. */
  readonly zeroIsBlank: boolean;
}

export type Options = { readonly [name: string]: Option<unknown> };

/** What reading a table of options gives. */
export type Values<O> = {
  readonly [K in keyof O]: O[K] extends Option<infer V> ? V : never;
};

type OptionText<T> = Pick<Option<T>, 'description'> & { readonly kind: Kind<T> } & Partial<
    Omit<Option<T>, 'description' | 'fallback' | 'kind'>
  >;

/** An option without a default of its own. */
export function option<T>(text: OptionText<T>): Option<T | undefined> {
  return { ...ABSENT, ...text, fallback: undefined };
}

export function optionWithDefault<T>(fallback: T, text: OptionText<T>): Option<T> {
  return { ...ABSENT, ...text, fallback };
}

const ABSENT = { required: false, aliases: [], seed: false, refused: false, zeroIsBlank: false };

/** One value as `config explain` shows it. */
export interface Explained {
  /** `loadBalancers[0].port`. */
  readonly key: string;
  readonly value: string | number | boolean;
  readonly origin: Origin;
}

/** Whether a value of any kind is one that `config explain` has a line for. */
export function isShown(value: unknown): value is Explained['value'] {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** Carries down the tree what reading needs, and collects what it finds. */
export class Reading {
  readonly problems: Problem[] = [];
  readonly explained: Explained[] = [];
  /** Where each value stood that was given, also those that hold others. */
  readonly origins: Map<string, Origin> = new Map();
  /** Environment and flags, by path: they stand above the file, value by value. */
  readonly overrides: ReadonlyMap<string, SourceNode>;
  #path = '';

  constructor(overrides: ReadonlyMap<string, SourceNode>) {
    this.overrides = overrides;
  }

  /** Of the value being read: `loadBalancers[0].port`. */
  get path(): string {
    return this.#path;
  }

  /** The path of a part of that value: a field by its name, an element by its index. */
  pathOf(step: string | number): string {
    if (typeof step === 'number') return `${this.#path}[${step}]`;
    return this.#path === '' ? step : `${this.#path}.${step}`;
  }

  below<T>(step: string | number, node: SourceNode, kind: Kind<T>): T | undefined {
    const outer = this.#path;
    this.#path = this.pathOf(step);
    this.origins.set(this.#path, node.origin);
    const value = kind.read(node, this);
    this.#path = outer;
    return value;
  }

  report(origin: Origin, what: string, fix: string): void {
    this.problems.push({ origin, what, fix });
  }

  explain(path: string, value: Explained['value'], origin: Origin): void {
    this.explained.push({ key: path, value, origin });
  }

  /** A node to read the parts of `path` from when only the environment or a flag gives one. */
  standIn(path: string, kind: Kind<unknown>): SourceNode | undefined {
    if (kind.shape.type === 'scalar') return undefined;
    for (const [key, { origin }] of this.overrides) {
      if (!key.startsWith(`${path}.`) && !key.startsWith(`${path}[`)) continue;
      return kind.shape.type === 'list'
        ? { kind: 'list', items: [], origin }
        : { kind: 'fields', entries: [], origin };
    }
    return undefined;
  }
}

/** Another way to write fields: as one text. */
export interface Shorthand {
  /** Also in the file, not in the environment and in flags alone. */
  readonly inFile: boolean;
  /** Returns undefined for what it does not know, or has reported. */
  expand(node: SourceNode, reading: Reading): FieldsNode | undefined;
}
