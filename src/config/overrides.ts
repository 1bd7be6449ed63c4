import type { Options } from './kind.ts';
import { OPTIONS } from './options.ts';
import { type SourceNode, textNode } from './source.ts';

/** One option that the environment or a flag can give, with its place in the tree. */
export interface Overridable {
  readonly path: string;
  readonly environment?: string;
  /** `--name`. */
  readonly flag?: string;
}

/** Every such option. Those of a load balancer stand for the first one, as kube-vip's did. */
export function overridables(options: Options = OPTIONS, at = ''): readonly Overridable[] {
  return Object.entries(options).flatMap(([name, { kind, environment, flag }]) => {
    const path = `${at}${name}`;
    const own = {
      path,
      ...(environment !== undefined && { environment }),
      ...(flag !== undefined && { flag: longFlag(flag) }),
    };
    const parts = kind.shape.type === 'list' ? kind.shape.of.shape : kind.shape;
    const step = kind.shape.type === 'list' ? '[0].' : '.';
    const below = parts.type === 'fields' ? overridables(parts.options, `${path}${step}`) : [];
    return environment === undefined && flag === undefined ? below : [own, ...below];
  });
}

/** `-d, --disableVIP` → `--disableVIP`. */
export function longFlag(flag: string): string {
  return flag.replace(/^-\w, /, '');
}

/** What environment and flags say, by path. A flag stands above the environment. */
export function overridesOf(sources: {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly flags?: ReadonlyMap<string, string>;
}): ReadonlyMap<string, SourceNode> {
  const found = new Map<string, SourceNode>();
  for (const { path, environment, flag } of overridables()) {
    const byEnvironment = environment === undefined ? undefined : sources.environment[environment];
    // An empty variable says nothing: manifests leave them behind.
    if (environment !== undefined && byEnvironment !== undefined && byEnvironment !== '') {
      found.set(path, textNode(byEnvironment, { kind: 'environment', name: environment }));
    }
    const byFlag = flag === undefined ? undefined : sources.flags?.get(flag);
    if (flag !== undefined && byFlag !== undefined) {
      found.set(path, textNode(byFlag, { kind: 'flag', name: flag }));
    }
  }
  return found;
}
