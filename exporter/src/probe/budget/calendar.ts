/** A day of local time as `2026-11-28`; these sort as they follow each other, and a month's begin alike. */
export type Day = string;

/** A clock that runs on after it has been set back must do so for this long before it is believed. */
const BELIEVED_AFTER_SECONDS = 24 * 3600;

/** The day of a Unix time in milliseconds. Summer time makes some days 23 or 25 hours long, and no other difference. */
export function dayOf(milliseconds: number): Day {
  const local = new Date(milliseconds);
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${local.getFullYear()}-${two(local.getMonth() + 1)}-${two(local.getDate())}`;
}

/** The month of a day, as `2026-11`. */
export function monthOf(day: Day): string {
  return day.slice(0, 7);
}

/**
 * Tells the day by which a budget is counted. A machine without a clock of its own starts in 1970, and a clock may be set
 * back: a day that has begun does not begin again by that, and goes on instead. Only a clock that has then run for 24 hours is
 * believed, so that one that was wrong in the future does not stop everything for years.
 */
export class Calendar {
  #day: Day;
  /** Of the monotonic clock; undefined while the clock agrees. */
  #behindSince: number | undefined;

  /** `day`: the latest day counted by before; none when there was none. */
  constructor(day: Day = '') {
    this.#day = day;
  }

  /** The day at a Unix time in milliseconds and, of the same moment, a monotonic time in seconds. */
  today(milliseconds: number, monotonicSeconds: number): Day {
    const day = dayOf(milliseconds);
    if (day >= this.#day) this.#behindSince = undefined;
    else {
      this.#behindSince ??= monotonicSeconds;
      if (monotonicSeconds - this.#behindSince < BELIEVED_AFTER_SECONDS) return this.#day;
      this.#behindSince = undefined;
    }
    this.#day = day;
    return day;
  }
}
