import { closeSync, openSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readOwnProcess } from '../../../exporter/src/linux/proc/own-process.ts';

it('counts the descriptors that this process has open, and not the one it counts by', () => {
  const before = readOwnProcess().openDescriptors ?? Number.NaN;
  const opened = Array.from({ length: 5 }, () => openSync('/dev/null', 'r'));
  try {
    expect(readOwnProcess().openDescriptors).toBe(before + opened.length);
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
  expect(readOwnProcess().openDescriptors).toBe(before);
});
