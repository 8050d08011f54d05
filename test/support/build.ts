import { execa } from 'execa';

/**
 * Vitest's global set-up: the tests that start the program run what users run, so it is built first. `npm test` has built it
 * already, and says so.
 */
export default async function build(): Promise<void> {
  if (process.env.MPTCP_TEST_BUILT === '1') return;
  await execa('node_modules/.bin/tsc', ['-p', 'exporter/tsconfig.json']);
}
