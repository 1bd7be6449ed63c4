/**
 * Configuration as it was written, before anyone knows whether it is right: a tree of scalars,
 * lists and fields in which everything remembers where it stands.
 */

/** Where a value came from. */
export type Origin =
  | {
      readonly kind: 'file';
      readonly file: string;
      /** Counted from 1, as editors do. */
      readonly line: number;
      readonly column: number;
    }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'flag'; readonly name: string }
  /** `because` names what a default was derived from, for example `profile fast`. */
  | { readonly kind: 'default'; readonly because?: string };

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** As it was written, so that `01` stays what it was where text is wanted. */
  readonly text: string;
  readonly origin: Origin;
}

export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly SourceNode[];
  readonly origin: Origin;
}

export interface FieldsNode {
  readonly kind: 'fields';
  readonly entries: readonly FieldEntry[];
  readonly origin: Origin;
}

export interface FieldEntry {
  readonly key: string;
  readonly keyOrigin: Origin;
  readonly value: SourceNode;
}

export type SourceNode = ScalarNode | ListNode | FieldsNode;

/** A value of the environment or of a flag: text, whatever it stands for. */
export function textNode(text: string, origin: Origin): ScalarNode {
  return { kind: 'scalar', value: text, text, origin };
}

/** Whether the node came as bare text, where compound values have short forms of their own. */
export function isBareText(node: SourceNode): node is ScalarNode {
  return (
    node.kind === 'scalar' && (node.origin.kind === 'environment' || node.origin.kind === 'flag')
  );
}

/** Whether the node says nothing: `key:`, `key: null`, `key: ""`, `[]` never. */
export function isBlank(node: SourceNode): boolean {
  return node.kind === 'scalar' && (node.value === null || node.value === '');
}

/** `file:line:column`, `environment NAME`, `flag --x`, `default`. */
export function formatOrigin(origin: Origin): string {
  if (origin.kind === 'file') return `${origin.file}:${origin.line}:${origin.column}`;
  if (origin.kind === 'environment') return `environment ${origin.name}`;
  if (origin.kind === 'flag') return `flag ${origin.name}`;
  return origin.because === undefined ? 'default' : `default (${origin.because})`;
}
