import type { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { resolveNames } from '../config/vips.ts';
import { type IpAddress, parseIpAddress } from '../core/address/ip.ts';
import { type LoadedConfig } from '../daemon/running.ts';
import { fencesToDoWithout } from '../daemon/test-fences.ts';
import { openLog } from '../telemetry/log.ts';
import { compileAhead } from './compile-ahead.ts';
import { addConfigFlags, type Flags, sourcesOf } from './config-flags.ts';
import { VERSION } from './version-text.ts';

/** `fairlead run`: the daemon, until SIGTERM or SIGINT. */
export function register(program: Command): void {
  const run = program
    .command('run')
    .alias('start')
    .summary('run the daemon: take part in the election, serve the VIPs, balance')
    .description(
      [
        'run the daemon: take part in the election, serve the VIPs, balance.',
        'SIGTERM and SIGINT hand over and end it. SIGHUP has it read the configuration and the keys of the',
        'peers again: VIPs, load balancers, announcing, linkDownGraceMs, foreignAddress, conflict and logLevel change',
        'at once; what only a restart can change is refused by name, and nothing changes then',
      ].join(' '),
    );
  addConfigFlags(run).action(async (_options: Flags, command: Command) => {
    const without = fencesToDoWithout(process.env);
    const load = loader(command.optsWithGlobals());
    const loaded = await load();
    const { node, logLevel: level } = loaded.config;
    const log = openLog({ node, level });
    const { runDaemon } = await compileAhead(() => import('../daemon/daemon.ts'));
    process.exitCode = await runDaemon({ ...loaded, version: VERSION, log, reload: load, without });
  });
}

/**
 * Reads everything anew at each call, except that a VIP's name keeps the addresses it had at first.
 */
function loader(options: Flags): () => Promise<LoadedConfig> {
  const resolved = new Map<string, readonly IpAddress[]>();
  const lookupOnce = async (name: string): Promise<readonly IpAddress[]> => {
    const found = resolved.get(name) ?? (await addressesOf(name));
    resolved.set(name, found);
    return found;
  };
  return async () => {
    const sources = sourcesOf(options, 'run');
    const { config, warnings } = await loadConfig(sources);
    return {
      config: await resolveNames(config, lookupOnce),
      warnings: warnings.map(formatProblem),
    };
  };
}

/** As the machine resolves names, /etc/hosts included. */
async function addressesOf(name: string): Promise<readonly IpAddress[]> {
  // Most configurations name no name; c-ares is not loaded for them.
  const { lookup } = await import('node:dns/promises');
  const found = await lookup(name, { all: true });
  return found.flatMap(({ address }) => parseIpAddress(address) ?? []);
}
