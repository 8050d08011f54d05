import { execa } from 'execa';

/** Vitest's global set-up: the tests that start the program run what users run, so it is built first. */
export default async function build(): Promise<void> {
  await execa('node_modules/.bin/tsc', ['-p', 'exporter/tsconfig.json']);
}
