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

/** What stalls again within this long after it came through is losing, not out. */
const AGAIN_SECONDS = 10;

/** What stalled before the path was heard of again belongs to the same outage; ages are read a little late. */
const SAME_OUTAGE_SECONDS = 0.1;

interface Bucket {
  readonly at: number;
  readonly ratio: number;
}

interface Outage {
  readonly since: number;
  /** Bytes on their way. */
  readonly owed: number;
}

/**
 * The retransmitted part of what a path sent: the median over buckets, so that the burst that ends a slow start, which loses
 * much of one second, is not taken for a lossy path. What is sent again because of an outage tells nothing about loss: neither
 * what goes out while nothing comes through, nor, afterwards, what was on its way then.
 */
export class LossWindow {
  #buckets: readonly Bucket[] = [];
  /** Of an outage, which count if it turns out to be loss. */
  #doubtful: readonly Bucket[] = [];
  #start: { readonly at: number; readonly sent: number; readonly retransmitted: number } | undefined;
  #last = 0;
  /** The outage that this look knows of, and the one of the look before. */
  #outage: Outage | undefined;
  #before: Outage | undefined;
  /** Retransmissions owed to an outage that is over, or to a stall on a living path. */
  #forgiven = 0;
  #forgiveUntil = 0;
  #spared = 0;
  /** When the path came through, as far as known, after the last stall. */
  #throughAt = Number.NEGATIVE_INFINITY;
  #blamedUntil = Number.NEGATIVE_INFINITY;

  /**
   * At this look nothing comes through since `since`, with so many bytes on their way; called before {@link ratio} at every such
   * look. The path is losing, not out, when it stalls again and again.
   */
  out(owed: number, since: number, now: number): void {
    if (now < this.#blamedUntil) return;
    if (this.#before === undefined) {
      if (this.#isAgain(since, now)) return;
      this.#doubtful = [...this.#doubtful, ...this.#buckets.filter(({ at }) => at > since)];
      this.#buckets = this.#buckets.filter(({ at }) => at <= since);
    }
    this.#outage = { since, owed };
  }

  /** A subflow stalled at `since` with so many bytes on their way, which are not counted, while others on the path go on. */
  forgive(bytes: number, since: number, now: number): void {
    if (now < this.#blamedUntil || this.#isAgain(since, now)) return;
    this.#throughAt = now;
    this.#forgiven += bytes;
    this.#forgiveUntil = now + FORGIVE_SECONDS;
  }

  /** It was no outage but loss: what was not counted for its sake is, as far as it is not judged yet, and so is what follows. */
  blame(now: number): void {
    this.#buckets = [...this.#buckets, ...this.#doubtful].sort((a, b) => a.at - b.at);
    this.#doubtful = [];
    this.#outage = undefined;
    this.#before = undefined;
    this.#forgiven = 0;
    this.#spared = 0;
    this.#blamedUntil = now + LONGEST_SECONDS;
  }

  /** A subflow is stalled still: what it owes comes later. */
  hold(now: number): void {
    this.#forgiveUntil = now + FORGIVE_SECONDS;
  }

  /**
   * Takes the path's totals, which only grow, and when it was last heard of; gives the ratio, `undefined` when too little was
   * sent lately.
   */
  ratio(now: number, sent: number, retransmitted: number, heardAt = now): number | undefined {
    this.#start ??= { at: now, sent, retransmitted };
    const [outage, before] = [this.#outage, this.#before];
    if (outage !== undefined) {
      this.#forgiven = outage.owed;
      this.#forgiveUntil = now + FORGIVE_SECONDS;
    } else if (before !== undefined && heardAt > before.since) this.#throughAt = heardAt;
    else if (before === undefined) this.#spare(now, retransmitted);
    this.#last = retransmitted;
    this.#collect(now, sent, retransmitted);
    this.#before = outage;
    this.#outage = undefined;
    this.#doubtful = this.#doubtful.filter(({ at }) => at > now - LONGEST_SECONDS);
    this.#buckets = this.#buckets.filter(
      ({ at }, index, { length }) =>
        at > now - WINDOW_SECONDS || (index >= length - LEAST_BUCKETS && at > now - LONGEST_SECONDS),
    );
    return this.#buckets.length < LEAST_BUCKETS ? undefined : median(this.#buckets.map(({ ratio }) => ratio));
  }

  #isAgain(since: number, now: number): boolean {
    if (since <= this.#throughAt - SAME_OUTAGE_SECONDS || now - this.#throughAt >= AGAIN_SECONDS) return false;
    this.blame(now);
    return true;
  }

  #spare(now: number, retransmitted: number): void {
    if (now > this.#forgiveUntil) this.#forgiven = 0;
    const spared = Math.min(this.#forgiven, retransmitted - this.#last);
    this.#forgiven -= spared;
    this.#spared += spared;
  }

  /** Ends the open bucket when it is full; what an outage began or ended in is not judged. */
  #collect(now: number, sent: number, retransmitted: number): void {
    const start = this.#start ?? { at: now, sent, retransmitted };
    const spared = this.#spared;
    const full = now - start.at >= BUCKET_SECONDS && sent - start.sent >= BUCKET_BYTES + spared;
    const ends = this.#outage === undefined && this.#before !== undefined;
    if (!full && !ends) return;
    const lost = retransmitted - start.retransmitted - spared;
    const bucket = { at: now, ratio: Math.min(1, lost / (sent - start.sent - spared)) };
    if (full && (ends || this.#outage !== undefined)) this.#doubtful = [...this.#doubtful, bucket];
    else if (full) this.#buckets = [...this.#buckets, bucket];
    this.#start = { at: now, sent, retransmitted };
    this.#spared = 0;
  }
}
