import { defineConfig } from 'vitest/config';

/** `unit` runs anywhere; `live` needs root, a kernel with MPTCP and the Debian tools, and runs one file at a time. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/live/**', 'test/stack/**', 'test/bench/**'],
        },
      },
      {
        test: {
          name: 'live',
          globalSetup: ['test/support/build.ts'],
          include: ['test/live/**/*.test.ts', 'test/stack/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
