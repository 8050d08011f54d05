import { Cron } from 'croner';
import { z } from 'zod';
import { shown } from '../words.ts';
import type { Timetable } from './settings.ts';

/** Part of the interval that runs are put off by at most, unless the user says otherwise. */
const USUAL_JITTER = 0.1;

/** As much for cron patterns, in seconds. */
const CRON_JITTER_SECONDS = 5;

/** A cron pattern, five or six fields, that will come up again. */
export const cronPattern = z.string().refine(comesUp, {
  error: ({ input }) =>
    `expected a cron pattern such as "0 3 * * *" for every day at three, got ${shown(String(input))}`,
});

function comesUp(pattern: string): boolean {
  try {
    return new Cron(pattern, { paused: true }).nextRun() !== null;
  } catch {
    return false;
  }
}

/** When runs begin, from the keys of an entry; `usual` is the interval when nothing is said, in seconds. */
export function timetableOf(
  keys: {
    readonly interval?: number | undefined;
    readonly schedule?: string | undefined;
    readonly jitter?: number | undefined;
  },
  usual: number,
): Timetable {
  if (keys.schedule !== undefined) return { cron: keys.schedule, jitterSeconds: keys.jitter ?? CRON_JITTER_SECONDS };
  const intervalSeconds = keys.interval ?? usual;
  return { intervalSeconds, jitterSeconds: keys.jitter ?? USUAL_JITTER * intervalSeconds };
}
