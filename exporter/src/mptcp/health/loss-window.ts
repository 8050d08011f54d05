import { median } from './recent-normal.ts';

/** A bucket ends when it is this long and holds this many sent bytes: three segments. */
const BUCKET_SECONDS = 1;
const BUCKET_BYTES = 4000;

/** Buckets of the last seconds are judged, … */
const WINDOW_SECONDS = 8;

/** … of a path that sends little at least so many of a longer time. */
const LEAST_BUCKETS = 3;
const LONGEST_SECONDS = 20;

/** After an outage, what it owes is sent again within this long. */
const FORGIVE_SECONDS = 10;

/** What stalls again within this long had come through between. */
const AGAIN_SECONDS = 10;

interface Bucket {
  readonly at: number;
  readonly ratio: number;
}

/**
 * The retransmitted part of what a path sent: the median over buckets, so that the burst that ends a slow start, which loses
 * much of one second, is not taken for a lossy path.
 */
export class LossWindow {
  #buckets: Bucket[] = [];
  #start: { readonly at: number; readonly sent: number; readonly retransmitted: number } | undefined;
  #last = 0;
  /** Retransmissions owed to an outage that is already known, which tell nothing about loss. */
  #forgiven = 0;
  #forgiveUntil = 0;
  #spared = 0;
  #forgaveAt = Number.NEGATIVE_INFINITY;
  #blamedUntil = Number.NEGATIVE_INFINITY;

  /**
   * The next so many retransmitted bytes are not counted: what was in flight when a subflow stalled at `since`. One that stalls
   * again and again is losing, not out.
   */
  forgive(bytes: number, since: number, now: number): void {
    if (now < this.#blamedUntil) return;
    if (since > this.#forgaveAt && now - this.#forgaveAt < AGAIN_SECONDS) {
      this.blame(now);
      return;
    }
    this.#forgaveAt = now;
    this.#forgiven += bytes;
    this.#forgiveUntil = now + FORGIVE_SECONDS;
  }

  /** It was no outage but loss: what was not counted for its sake is, as far as it is not judged yet, and so is what follows. */
  blame(now: number): void {
    this.#forgiven = 0;
    this.#spared = 0;
    this.#blamedUntil = now + LONGEST_SECONDS;
  }

  /** The outage goes on. */
  hold(now: number): void {
    this.#forgiveUntil = now + FORGIVE_SECONDS;
  }

  /** Takes the path's totals, which only grow; gives the ratio, `undefined` when too little was sent lately. */
  ratio(now: number, sent: number, retransmitted: number): number | undefined {
    if (this.#start === undefined) {
      this.#start = { at: now, sent, retransmitted };
      this.#last = retransmitted;
    }
    if (now > this.#forgiveUntil) this.#forgiven = 0;
    const spared = Math.min(this.#forgiven, retransmitted - this.#last);
    this.#forgiven -= spared;
    this.#spared += spared;
    this.#last = retransmitted;
    if (now - this.#start.at >= BUCKET_SECONDS && sent - this.#start.sent >= BUCKET_BYTES + this.#spared) {
      const lost = retransmitted - this.#start.retransmitted - this.#spared;
      this.#buckets.push({ at: now, ratio: Math.min(1, lost / (sent - this.#start.sent - this.#spared)) });
      this.#start = { at: now, sent, retransmitted };
      this.#spared = 0;
    }
    this.#buckets = this.#buckets.filter(
      ({ at }, index, { length }) =>
        at > now - WINDOW_SECONDS || (index >= length - LEAST_BUCKETS && at > now - LONGEST_SECONDS),
    );
    return this.#buckets.length < LEAST_BUCKETS ? undefined : median(this.#buckets.map(({ ratio }) => ratio));
  }
}
