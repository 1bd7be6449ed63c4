import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, expect } from 'vitest';
import { compile } from '../lab/compile.ts';
import { inNamespaces, needsLab } from '../lab/namespaces.ts';

/** What gate_stops.cc counted. */
interface Stops {
  readonly instructions: number;
  readonly stops: number;
  readonly control: number;
  readonly opened: number;
}

const SAMPLES = { netdev: 40, inet: 16 };
/** Ends it before the test's own limit does, which would leave it running. */
const RUNS_WITHIN_MS = 50_000;
const COMPILES_WITHIN_MS = 120_000;

let program: string;

beforeAll(() => {
  if (!inNamespaces) return;
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  const parts = ['native/base', 'native/netlink', 'native/nft', 'native/gate'];
  program = compile('test/native/gate_stops.cc', ['-O1', '-fno-exceptions'], parts);
}, COMPILES_WITHIN_MS);

/** Elements of a living lease in the main table: a family or protocol each. */
const LEASE = { netdev: 3, inet: 2 };

for (const shape of ['netdev', 'inet'] as const) {
  for (const way of ['acquire', 'renew']) {
    needsLab(
      `${shape}: a process stopped anywhere in ${way}() opens nothing on waking`,
      async () => {
        const asked = [shape, way, String(SAMPLES[shape])];
        const { stdout } = await promisify(execFile)(program, asked, { timeout: RUNS_WITHIN_MS });
        const stops: Stops = JSON.parse(stdout);
        expect(stops.control).toBe(LEASE[shape]); // Without a stop it is open.
        expect(stops.stops).toBeGreaterThan(SAMPLES[shape]);
        expect(stops.opened).toBe(0);
      },
    );
  }
}
