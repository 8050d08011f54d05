import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../lab.ts';
import type { TrafficOptions } from '../traffic/traffic.ts';

/** Something a household does again and again. */
interface Habit {
  readonly name: string;
  readonly options: TrafficOptions;
  /** How long each time, until it is told to finish. */
  readonly seconds: number;
  readonly pauseSeconds: number;
}

const HABITS: readonly Habit[] = [
  {
    name: 'video',
    options: { bytes: 'unlimited', direction: 'down', rateMbit: 12, family: 6 },
    seconds: 60,
    pauseSeconds: 5,
  },
  { name: 'call', options: { bytes: 'unlimited', direction: 'both', rateMbit: 3 }, seconds: 40, pauseSeconds: 15 },
  { name: 'backup', options: { bytes: 'unlimited' }, seconds: 15, pauseSeconds: 25 },
  { name: 'download', options: { bytes: 'unlimited', direction: 'down' }, seconds: 12, pauseSeconds: 30 },
  {
    name: 'web pages',
    options: { bytes: 300_000, direction: 'down', connections: 6 },
    seconds: 1,
    pauseSeconds: 12,
  },
  { name: 'open tabs', options: { bytes: 1, hold: true, connections: 4 }, seconds: 90, pauseSeconds: 5 },
  {
    name: 'a server without MPTCP',
    options: { bytes: 'unlimited', direction: 'down', server: 'tcp', rateMbit: 0.5 },
    seconds: 120,
    pauseSeconds: 10,
  },
];

const CALM_MS = 1000;

/**
 * Whether what failed just now was only cut off by the end of the demo. Ctrl-C in a terminal reaches all programs, and may
 * end the others before it is seen here, so this waits a moment.
 */
export async function wasCutOff(signal: AbortSignal): Promise<boolean> {
  if (!signal.aborted) await sleep(CALM_MS);
  return signal.aborted;
}

/**
 * Moves what a household moves, over and over until `signal`: streams, bursts over all links, short and idle connections,
 * a fallback, IPv4 and IPv6. `report` is told in one line what fails; the rest goes on and that is tried again.
 */
export async function playHousehold(lab: Lab, signal: AbortSignal, report: (line: string) => void): Promise<void> {
  await Promise.all(HABITS.map((habit) => keep(lab, habit, signal, report)));
}

async function keep(lab: Lab, habit: Habit, signal: AbortSignal, report: (line: string) => void): Promise<void> {
  const wait = (seconds: number) => sleep(1000 * seconds, undefined, { signal });
  while (!signal.aborted) {
    try {
      const traffic = await lab.startTraffic(habit.options);
      await wait(habit.seconds);
      await traffic.finish();
      await wait(habit.pauseSeconds);
    } catch (error) {
      if (!(await wasCutOff(signal)))
        report(`${habit.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
