import type { Config } from '../config/config.ts';
import type { WantedBalancer, World } from '../core/plan/world.ts';
import type { Backends } from './backends.ts';
import type { Observation } from './local-dataplane.ts';

/** The inputs of `desired` at one instant, gathered from where they live. */
export function worldOf(
  config: Config,
  observation: Observation,
  state: Pick<World, 'right' | 'withheld' | 'gated' | 'leaving'>,
  backends: Pick<Backends, 'weighed'>,
): World {
  return {
    vips: config.vips,
    balancers: balancersOf(config, backends),
    announce: config.gratuitousArp,
    links: observation.links,
    addresses: observation.addresses,
    ...state,
  };
}

function balancersOf(
  config: Config,
  backends: Pick<Backends, 'weighed'>,
): readonly WantedBalancer[] {
  return config.loadBalancers.flatMap((balancer) => {
    // The other kinds are refused by name before the daemon starts.
    if (balancer.type !== 'tcp') return [];
    return [{ ...balancer, backends: backends.weighed(balancer) }];
  });
}
