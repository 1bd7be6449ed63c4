import { accessSync, constants, statSync } from 'node:fs';
import { errorCode } from '../core/errors.ts';
import type { Problem } from './problem.ts';
import type { Origin } from './source.ts';

/**
 * Looks at the key file without reading the key: what would stop the daemon is found here already.
 */
export function checkKeyFile(
  file: string,
  origin: Origin,
): { readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] } {
  const refusal = (what: string, fix: string) => ({
    problems: [{ origin, what, fix }],
    warnings: [],
  });
  try {
    accessSync(file, constants.R_OK);
    const { mode, size } = statSync(file);
    // The group may read: that is somebody's decision, as with a Secret and its fsGroup.
    if (size === 0) return refusal(`peerKeyFile ${file} is empty`, 'put a secret into it');
    if ((mode & 0o027) === 0) return { problems: [], warnings: [] };
    const what = `peerKeyFile ${file} lets others in (mode ${(mode & 0o777).toString(8).padStart(4, '0')})`;
    return { problems: [], warnings: [{ origin, what, fix: `run chmod 600 ${file}` }] };
  } catch (err) {
    const code = errorCode(err);
    return refusal(
      `peerKeyFile ${file} cannot be read: ${code}`,
      code === 'ENOENT'
        ? `create it with: (umask 077; echo "1 $(openssl rand -base64 32)" > ${file})`
        : 'let the user of the daemon read it',
    );
  }
}
