/** Contradictions within a health check, and what it needs of this machine. */
import { accessSync, constants } from 'node:fs';
import { errorCode } from '../core/errors.ts';
import type { Checking } from './check.ts';
import type { HealthCheckOption } from './config.ts';

const OF_HTTP = ['path', 'host', 'expectStatus'] as const;
const OF_HTTPS = ['caFile', 'insecure', 'serverName'] as const;

/** @param path - Of the health check: `loadBalancers[0].healthCheck`. */
export function checkHealthCheck(checking: Checking, path: string, value: HealthCheckOption): void {
  const { originOf, isGiven, problems } = checking;
  const refuse = (name: string, what: string, fix: string) =>
    problems.push({ origin: originOf(`${path}.${name}`), what: `${path}.${name} ${what}`, fix });
  const useless = [
    ...(value.type === 'tcp' ? OF_HTTP : []),
    ...(value.type === 'https' ? [] : OF_HTTPS),
  ].filter((name) => isGiven(`${path}.${name}`));
  for (const name of useless) {
    const types = OF_HTTPS.some((each) => each === name) ? 'https' : 'http or https';
    refuse(name, `has no meaning with type ${value.type}`, `write type: ${types}, or remove it`);
  }
  if (value.timeoutMs > value.intervalMs) {
    refuse(
      isGiven(`${path}.timeoutMs`) ? 'timeoutMs' : 'intervalMs',
      `lets a probe last ${value.timeoutMs} ms, longer than the interval of ${value.intervalMs} ms`,
      'write a shorter timeoutMs, or a longer intervalMs',
    );
  }
  if (value.insecure && value.caFile !== undefined) {
    refuse('insecure', 'is true, and there is a caFile', 'keep one of the two');
  } else if (value.caFile !== undefined && useless.length === 0) {
    const code = whyUnreadable(value.caFile);
    if (code === undefined) return;
    const cure = `copy the certificate of the authority to ${value.caFile}, or write insecure: true`;
    refuse('caFile', `${value.caFile} cannot be read: ${code}`, cure);
  }
}

function whyUnreadable(file: string): string | undefined {
  try {
    accessSync(file, constants.R_OK);
    return undefined;
  } catch (err) {
    return errorCode(err);
  }
}
