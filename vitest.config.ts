import { defineConfig } from 'vitest/config';
import { STOOD_STILL } from './test/lab/stood-still.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Room for a machine several times slower than ours: limits that mean something stand in the tests.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 5000 } },
    // Two cores are shared by the daemons that the lab starts, so files do not run beside each other there.
    fileParallelism: false,
    globalSetup: ['test/lab/watch-machine.ts'],
    setupFiles: ['test/lab/tell-again.ts'],
    retry: { count: 2, condition: new RegExp(STOOD_STILL) },
    pool: 'forks',
  },
});
