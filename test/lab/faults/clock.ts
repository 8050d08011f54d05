import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../lab.ts';
import { labDirectory } from '../registry.ts';
import { type AppliedFault, applied } from './fault.ts';

/**
 * The environment in which a program's wall clock follows the lab's clock steps, while its monotonic clock does not (libfaketime,
 * as faketime(1) sets it). CLOCK_REALTIME has no namespace, and the machine's own clock is not the lab's to set.
 */
export function clockEnvironment(lab: Lab): Readonly<Record<string, string>> {
  const file = clockFile(lab);
  if (!existsSync(file)) writeFileSync(file, '+0\n');
  return {
    // The loader puts the architecture's library directory for $LIB.
    LD_PRELOAD: '/usr/$LIB/faketime/libfaketimeMT.so.1',
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

/** The wall clock of programs started with {@link clockEnvironment} jumps, and back at the end. */
export async function clockStep(lab: Lab, seconds = 3600): Promise<AppliedFault> {
  const set = (offset: number) => writeFileSync(clockFile(lab), `${offset < 0 ? '' : '+'}${offset}\n`);
  set(seconds);
  return applied(lab, { name: 'clock-step', undo: async () => set(0) });
}

const clockFile = (lab: Lab): string => join(labDirectory(lab.id), 'clock');
