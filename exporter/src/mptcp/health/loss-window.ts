import { median } from './recent-normal.ts';

/** A bucket ends when it is this long and holds this many sent bytes: three segments. */
const BUCKET_SECONDS = 1;
const BUCKET_BYTES = 4000;

/** Buckets of the last seconds are judged, … */
const WINDOW_SECONDS = 8;

/** … of a path that sends little at least so many of a longer time. */
const LEAST_BUCKETS = 3;

/** How long what makes a ratio has taken at least. */
export const LEAST_SECONDS = LEAST_BUCKETS * BUCKET_SECONDS;

/** What is older is not judged at all. */
export const LONGEST_SECONDS = 20;

interface Bucket {
  readonly at: number;
  readonly ratio: number;
}

/**
 * The retransmitted part of what was sent lately: the median over buckets, so that the burst that ends a slow start, which
 * loses much of one second, is not taken for a lossy path.
 */
export class LossWindow {
  readonly #patienceSeconds: number;
  #buckets: readonly Bucket[] = [];
  #start: { readonly at: number; readonly sent: number; readonly retransmitted: number } | undefined;

  /** `patienceSeconds`: after this long a bucket is full with any byte, where a segment alone tells something. */
  constructor({ patienceSeconds = Number.POSITIVE_INFINITY }: { readonly patienceSeconds?: number } = {}) {
    this.#patienceSeconds = patienceSeconds;
  }

  /** Takes totals in bytes, which only grow; gives the ratio, `undefined` when too little was sent lately. */
  ratio(now: number, sent: number, retransmitted: number): number | undefined {
    this.#start ??= { at: now, sent, retransmitted };
    const seconds = now - this.#start.at;
    const bytes = sent - this.#start.sent;
    if (seconds >= BUCKET_SECONDS && bytes >= (seconds < this.#patienceSeconds ? BUCKET_BYTES : 1)) {
      const ratio = Math.min(1, (retransmitted - this.#start.retransmitted) / bytes);
      this.#buckets = [...this.#buckets, { at: now, ratio }];
      this.#start = { at: now, sent, retransmitted };
    }
    this.#buckets = this.#buckets.filter(
      ({ at }, index, { length }) =>
        at > now - WINDOW_SECONDS || (index >= length - LEAST_BUCKETS && at > now - LONGEST_SECONDS),
    );
    return this.#buckets.length < LEAST_BUCKETS ? undefined : median(this.#buckets.map(({ ratio }) => ratio));
  }
}
