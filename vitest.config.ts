import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // Two cores are shared by the daemons that the lab starts, so files do not run beside each other there.
    fileParallelism: false,
    pool: 'forks',
  },
});
