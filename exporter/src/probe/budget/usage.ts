import { z } from 'zod';
import { ExporterError } from '../../errors.ts';
import { type Day, monthOf } from './calendar.ts';

/** Days remembered of a path: more than a month, so that a clock that is set back and forth finds them again. */
const MOST_DAYS = 70;

/** Paths remembered. */
const MOST_PATHS = 512;

const VERSION = 1;

const amount = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);

/** The state file. What a process may have spent after it wrote this is at most what stands under `ahead`. */
const stateSchema = z.object({
  version: z.literal(VERSION),
  day,
  /** Up to and with this day nobody knows what was spent: the file before was damaged. */
  unknownUntil: day.optional(),
  paths: z.array(z.object({ path: z.string(), days: z.record(day, amount), ahead: amount })),
});

/** What probes have spent, by path and day, in bytes. */
export class Usage {
  /** The latest day that was counted by; empty before the first. */
  readonly day: Day;
  readonly #unknownUntil: Day | undefined;
  readonly #paths: Map<string, Map<Day, number>>;

  private constructor(latest: Day, paths: Map<string, Map<Day, number>>, unknownUntil?: Day) {
    this.day = latest;
    this.#paths = paths;
    this.#unknownUntil = unknownUntil;
  }

  /** Nothing spent yet. */
  static empty(): Usage {
    return new Usage('', new Map());
  }

  /** After damage: what was spent until now, this day and this month, must be taken for everything. */
  static unknown(today: Day): Usage {
    return new Usage(today, new Map(), today);
  }

  /**
   * From the text of a state file. What its writer was allowed ahead counts as spent, since it may have died of a crash: on the
   * day it wrote, and on this one. Throws `malformed` for any other text.
   */
  static parse(text: string, today: Day): Usage {
    let state: z.output<typeof stateSchema>;
    try {
      state = stateSchema.parse(JSON.parse(text));
    } catch (cause) {
      throw new ExporterError('malformed', 'it is not what this version writes', { cause });
    }
    const usage = new Usage(state.day, new Map(), state.unknownUntil);
    for (const { path, days, ahead } of state.paths) {
      for (const [one, bytes] of Object.entries(days)) usage.add(path, one, bytes);
      for (const one of new Set([state.day, today])) usage.add(path, one, ahead);
    }
    return usage;
  }

  /** Takes bytes into account. */
  add(path: string, on: Day, bytes: number): void {
    const days = this.#paths.get(path) ?? new Map<Day, number>();
    if (!this.#knows(path)) return;
    this.#paths.set(path, days);
    const before = days.get(on) ?? 0;
    days.delete(on); // to the end, so that the first is the one not counted by for longest
    days.set(on, Math.min(before + Math.ceil(bytes), Number.MAX_SAFE_INTEGER));
    const [oldest] = days.keys();
    if (days.size > MOST_DAYS && oldest !== undefined) days.delete(oldest);
  }

  /** Spent on a day; infinite when it is not known. */
  ofDay(path: string, on: Day): number {
    if (!this.#knows(path) || (this.#unknownUntil !== undefined && on <= this.#unknownUntil))
      return Number.POSITIVE_INFINITY;
    return this.#paths.get(path)?.get(on) ?? 0;
  }

  /** Spent in the month of a day; infinite when it is not known. */
  ofMonth(path: string, on: Day): number {
    const month = monthOf(on);
    const isUnknown = this.#unknownUntil !== undefined && month <= monthOf(this.#unknownUntil);
    if (isUnknown || !this.#knows(path)) return Number.POSITIVE_INFINITY;
    let sum = 0;
    for (const [one, bytes] of this.#paths.get(path) ?? []) if (monthOf(one) === month) sum += bytes;
    return sum;
  }

  /** As the text of a state file, with what each path may spend before the next one is written. */
  format(today: Day, ahead: ReadonlyMap<string, number>): string {
    const names = new Set([...this.#paths.keys(), ...ahead.keys()]);
    const paths = [...names].map((path) => {
      const days = Object.fromEntries(this.#paths.get(path) ?? []);
      return { path, days, ahead: Math.ceil(ahead.get(path) ?? 0) };
    });
    const unknown = this.#unknownUntil === undefined ? {} : { unknownUntil: this.#unknownUntil };
    return `${JSON.stringify({ version: VERSION, day: today, ...unknown, paths })}\n`;
  }

  /** Whether there is an account of the path, or room for one; without, everything must be taken for spent. */
  #knows(path: string): boolean {
    return this.#paths.has(path) || this.#paths.size < MOST_PATHS;
  }
}
