import { expect, it } from 'vitest';
import { installRemedy } from '../../../exporter/src/linux/tool/packages.ts';

it.each([
  ['ss', 'Install the package iproute2 (on Debian: apt-get install iproute2).'],
  ['ip', 'Install the package iproute2 (on Debian: apt-get install iproute2).'],
  ['something', 'Install something.'],
])('the remedy for a missing %s is: %s', (program, remedy) => {
  expect(installRemedy(program)).toBe(remedy);
});
