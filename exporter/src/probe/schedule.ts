import { Cron } from 'croner';
import type { Timetable } from '../config/probes/settings.ts';

/** Longest single wait, in milliseconds: setTimeout takes no more than 2^31, and a clock that is set must be heeded some time. */
const LONGEST_WAIT_MS = 60_000;

/** The first runs of different probes begin so far apart, that they do not all queue at one moment. */
const STAGGER_MS = 50;

/** Calls `run` at the times of a timetable until stopped; a call under way is not waited for. One timer at any time. */
export class Schedule {
  readonly #timetable: Timetable;
  readonly #run: () => void;
  readonly #random: () => number;
  readonly #cron: Cron | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** `random` gives numbers from 0 to below 1. */
  constructor(timetable: Timetable, run: () => void, random: () => number = Math.random) {
    this.#timetable = timetable;
    this.#run = run;
    this.#random = random;
    this.#cron = timetable.cron === undefined ? undefined : new Cron(timetable.cron, { paused: true });
  }

  /** Begins; `place` is the probe's among the others. By interval the first run comes at once, but for stagger and jitter. */
  start(place: number): void {
    const { cron, intervalSeconds } = this.#timetable;
    if (cron !== undefined) this.#awaitCron(new Date());
    else {
      const stagger = (place * STAGGER_MS) % (intervalSeconds * 1000);
      this.#repeat(performance.now() + stagger, intervalSeconds * 1000);
    }
  }

  /** Ends it; nothing is called afterwards. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** The grid stays where it is, so that jitter does not add up; what was missed while the machine slept is not made up for. */
  #repeat(due: number, interval: number): void {
    const next = Math.max(due, performance.now() - interval);
    const at = next + this.#jitter;
    this.#wait(at - performance.now(), () => {
      if (performance.now() < at - 1) this.#repeat(next, interval);
      else {
        this.#repeat(next + interval, interval);
        this.#run();
      }
    });
  }

  /** By the wall clock, which may be set while waiting: then the next time is looked for anew. */
  #awaitCron(after: Date): void {
    const next = this.#cron?.nextRun(after)?.getTime();
    if (next === undefined) return;
    const at = next + this.#jitter;
    const wake = (): void => {
      if (Date.now() >= at - 1) {
        this.#awaitCron(new Date(Math.max(Date.now(), next)));
        this.#run();
      } else if (Date.now() < next) this.#awaitCron(new Date());
      else this.#wait(at - Date.now(), wake);
    };
    this.#wait(at - Date.now(), wake);
  }

  get #jitter(): number {
    return this.#random() * this.#timetable.jitterSeconds * 1000;
  }

  #wait(milliseconds: number, wake: () => void): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(wake, Math.min(Math.max(0, milliseconds), LONGEST_WAIT_MS));
  }
}
