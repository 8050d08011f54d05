/** A figure's normal is its median over this long. */
const WINDOW_SECONDS = 300;

/** Readings within this long make one entry of the median. */
const BUCKET_SECONDS = 1;

/** The median is worked out anew this often, once it rests on enough entries to change slowly. */
const REFRESH_SECONDS = 5;

/** Fewer entries make no normal. */
const ENOUGH = 3;

/** What has been far from normal for this long is the new normal. */
const NEW_NORMAL_SECONDS = 600;

interface Entry {
  readonly at: number;
  readonly value: number;
}

/**
 * A figure against its own recent normal: `thresholdOf` tells from the normal (`undefined`: not known yet) where high begins.
 * What is high does not become normal, unless it lasts.
 */
export class RecentNormal {
  readonly #thresholdOf: (normal: number | undefined) => number;
  #entries: Entry[] = [];
  #bucket: { readonly start: number; sum: number; count: number } | undefined;
  #normal: number | undefined;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #highSince: number | undefined;
  #relearning = false;

  constructor(thresholdOf: (normal: number | undefined) => number) {
    this.#thresholdOf = thresholdOf;
  }

  /** A value as a multiple of the threshold, which is `Infinity` while nothing can be called high. */
  pressureOf(value: number): number {
    return value / this.#thresholdOf(this.#normal);
  }

  /** Takes a reading; gives it as a multiple of the threshold. */
  pressure(value: number, now: number): number {
    const pressure = this.pressureOf(value);
    if (pressure <= 1) this.#highSince = undefined;
    else if (!this.#relearning) {
      this.#highSince ??= now;
      if (now - this.#highSince < NEW_NORMAL_SECONDS) return pressure;
      this.#entries = [];
      this.#relearning = true;
    }
    this.#collect(value, now);
    return pressure;
  }

  #collect(value: number, now: number): void {
    this.#bucket ??= { start: now, sum: 0, count: 0 };
    this.#bucket.sum += value;
    this.#bucket.count++;
    if (now - this.#bucket.start < BUCKET_SECONDS) return;
    this.#entries.push({ at: now, value: this.#bucket.sum / this.#bucket.count });
    this.#bucket = undefined;
    if (now - this.#refreshedAt < REFRESH_SECONDS && this.#entries.length > 2 * ENOUGH) return;
    this.#refresh(now);
  }

  #refresh(now: number): void {
    this.#refreshedAt = now;
    const recent = this.#entries.findIndex(({ at }) => at >= now - WINDOW_SECONDS);
    if (recent > 0) this.#entries = this.#entries.slice(recent);
    if (this.#entries.length < ENOUGH) return;
    this.#normal = median(this.#entries.map(({ value }) => value));
    this.#relearning = false;
  }
}

/** The middle value, of an even number the lower one; 0 of none. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
}
