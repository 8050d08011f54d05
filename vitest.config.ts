import { defineConfig } from 'vitest/config';

/** What needs root, a kernel with MPTCP and the Debian tools runs one file at a time: its timing is part of what is tested. */
const onTheKernel = (name: string) => ({
  name,
  globalSetup: ['test/support/build.ts'],
  include: [`test/${name}/**/*.test.ts`],
  fileParallelism: false,
  // A machine that is busy for a moment makes one late; what fails twice is broken. The report marks what was tried again.
  retry: 1,
  testTimeout: 60_000,
  hookTimeout: 60_000,
});

/**
 * `unit` runs anywhere. `live` holds the exporter against the kernel, within seconds and less; `stack` holds it in the whole
 * stack, where minutes pass with little traffic.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/live/**', 'test/stack/**', 'test/bench/**'],
          // No bound of what is tested: what is slow by its own fault is held to processor time where that matters.
          testTimeout: 30_000,
        },
      },
      { test: onTheKernel('live') },
      { test: onTheKernel('stack') },
    ],
  },
});
