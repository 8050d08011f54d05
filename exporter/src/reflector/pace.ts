/** Saved up while nothing was taken, in seconds' worth: evens out how exactly timers fire. */
const SAVED_SECONDS = 0.05;

/** Spreads what is taken over time: so much per second, no more. */
export class Pace {
  readonly #perSecond: number;
  /** When all that was taken so far is due. */
  #dueAt = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Takes an amount at a time in seconds, and gives the seconds to wait before the next. */
  take(amount: number, now: number): number {
    this.#dueAt = Math.max(this.#dueAt, now - SAVED_SECONDS) + amount / this.#perSecond;
    return Math.max(0, this.#dueAt - now);
  }
}

/** Lets so many pass per second, and as many at once. */
export class RateLimit {
  readonly #perSecond: number;
  #left: number;
  #at = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
  }

  /** Whether one more may pass at a time in seconds, which then counts. */
  pass(now: number): boolean {
    this.#left = Math.min(this.#perSecond, this.#left + Math.max(0, now - this.#at) * this.#perSecond);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
