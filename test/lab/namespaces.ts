import { test } from 'vitest';

/** Whether links, addresses and routes are ours to play with: `npm test` sees to it. */
export const inNamespaces: boolean = process.env['FAIRLEAD_NAMESPACES'] === '1';

/**
 * A test that makes networks. It is skipped where namespaces are refused; `npm test` says why at
 * the end, and fails for it under CI=true.
 */
export const needsNamespaces: ReturnType<typeof test.skipIf> = test.skipIf(!inNamespaces);
