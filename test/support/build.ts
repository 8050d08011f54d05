import { execa } from 'execa';

/**
 * Vitest's global set-up: the tests that start the program run what users run, so it is built first. `npm test` has built it
 * already, and says so: two projects at a time must not build into one folder.
 */
export default async function build(): Promise<void> {
  if (process.env.MPTCP_TEST_BUILT === '1') return;
  await execa('node_modules/.bin/tsc', ['-p', 'exporter/tsconfig.json']);
}
