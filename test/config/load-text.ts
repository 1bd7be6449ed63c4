import { type ConfigSources, type LoadedConfig, loadConfig } from '../../src/config/load.ts';
import { ConfigError, formatProblem } from '../../src/config/problem.ts';

type Sources = Partial<Omit<ConfigSources, 'flags'>> & {
  readonly flags?: Readonly<Record<string, string>>;
};

/** Loads a configuration that the test wrote, as file `f`. */
export function load(text: string | undefined, sources: Sources = {}): Promise<LoadedConfig> {
  const { flags = {}, ...rest } = sources;
  return loadConfig({
    ...(text !== undefined && { file: { name: 'f', text } }),
    environment: {},
    machine: { hostname: 'host1', processors: 2 },
    purpose: 'run',
    flags: new Map(Object.entries(flags)),
    ...rest,
  });
}

/** Every problem of a configuration, one a line; empty when there is none. */
export async function problemsOf(text: string | undefined, sources: Sources = {}): Promise<string> {
  try {
    await load(text, sources);
    return '';
  } catch (err) {
    if (!(err instanceof ConfigError)) throw err;
    return err.problems.map(formatProblem).join('\n');
  }
}

export async function warningsOf(text: string, sources: Sources = {}): Promise<string> {
  const { warnings } = await load(text, sources);
  return warnings.map(formatProblem).join('\n');
}

/** A node that is complete, to which a test adds the line that it is about. */
export const ALONE = 'singleNode: true\nvip: 192.0.2.75\n';

/** One of three. */
export const THREE = `
localPeer: {id: a, address: 192.0.2.1}
remotePeers: [{id: b, address: 192.0.2.2}, {id: c, address: 192.0.2.3}]
vip: 192.0.2.75
`;
