import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.ts';

/**
 * What another configuration may change while the daemon runs. The rest makes another node of it.
 */
const LIVE: ReadonlySet<keyof Config> = new Set<keyof Config>([
  'vips',
  'gratuitousArp',
  'announceIntervalMs',
  'linkDownGraceMs',
  'foreignAddress',
  'conflict',
  'logLevel',
  'loadBalancers',
]);

/**
 * The options that differ and that only a restart can change, in the order of the configuration.
 */
export function needsRestart(before: Config, after: Config): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter(
    (name) => !isLive(name) && !isDeepStrictEqual(valueOf(before, name), valueOf(after, name)),
  );
}

function isLive(name: string): boolean {
  return [...LIVE].some((live) => live === name);
}

function valueOf(config: Config, name: string): unknown {
  return Object.entries(config).find(([key]) => key === name)?.[1];
}
