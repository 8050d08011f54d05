import type { ProbeSettings, ProbeType } from '../config/probes/settings.ts';
import { Histogram } from '../mptcp/histogram.ts';
import type { FailureReason, Latency, ProbeResult } from './probe.ts';

/** Upper bounds in seconds of the RTT histograms: from 0.1 ms, each twice the one before, to 10 s. */
export const RTT_BUCKETS_SECONDS: readonly number[] = [
  ...Array.from({ length: 17 }, (_, index) => 0.0001 * 2 ** index),
  10,
];

/** Part of a new difference that goes into the jitter (RFC 3550 section 6.4.1). */
const JITTER_GAIN = 1 / 16;

/** Most series of results; the one not renewed for longest gives way. More than the configuration allows at one time. */
const MOST_SERIES = 2048;

/** Which probe, and over which path. */
export interface ProbeKey {
  readonly probe: ProbeType;
  readonly path: string;
  readonly target: string;
}

/** What one probe has come to on one path since the start. */
export interface ProbeSeries extends ProbeKey {
  /** Of the latest run. */
  readonly success: boolean;
  /** Unix times; absent while there was none. */
  readonly lastSuccessAt?: number;
  readonly measuredAt?: number;
  readonly requests: number;
  readonly replies: number;
  readonly failures: ReadonlyMap<FailureReason, number>;
  /** Latency probes only. */
  readonly rtt?: Histogram;
  /** Smoothed difference between one RTT and the next, in seconds; from the second reply on. */
  readonly jitterSeconds?: number;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type Kept = Mutable<Omit<ProbeSeries, 'failures'>> & {
  readonly failures: Map<FailureReason, number>;
  lastRttSeconds?: number;
};

/** Sums up what runs bring, by probe, path and target; bounded. */
export class ProbeResults {
  readonly #series = new Map<string, Kept>();

  /** All of them. */
  get series(): Iterable<ProbeSeries> {
    return this.#series.values();
  }

  /** Takes a run of a latency probe in. */
  latency(settings: ProbeSettings, path: string, result: ProbeResult<Latency>): void {
    const kept = this.#count(settings, path, result);
    kept.rtt ??= new Histogram(RTT_BUCKETS_SECONDS);
    if (!result.ok) return;
    const { rttSeconds } = result.value;
    kept.rtt.observe(rttSeconds);
    if (kept.lastRttSeconds !== undefined) {
      const difference = Math.abs(rttSeconds - kept.lastRttSeconds);
      kept.jitterSeconds =
        kept.jitterSeconds === undefined
          ? difference
          : kept.jitterSeconds + (difference - kept.jitterSeconds) * JITTER_GAIN;
    }
    kept.lastRttSeconds = rttSeconds;
  }

  /** Takes a leg of a bulk probe in, or a round that could not begin. */
  bulk(settings: ProbeSettings, path: string, result: ProbeResult<unknown>): void {
    this.#count(settings, path, result);
  }

  #count(settings: ProbeSettings, path: string, result: ProbeResult<unknown>): Kept {
    const key: ProbeKey = { probe: settings.type, path, target: settings.target.text };
    const id = JSON.stringify(key);
    const kept: Kept = this.#series.get(id) ?? { ...key, success: false, requests: 0, replies: 0, failures: new Map() };
    this.#series.delete(id); // to the end, so that the first is the one not renewed for longest
    this.#series.set(id, kept);
    const [first] = this.#series.keys();
    if (this.#series.size > MOST_SERIES && first !== undefined) this.#series.delete(first);
    kept.requests++;
    kept.success = result.ok;
    if (result.ok) {
      kept.replies++;
      kept.lastSuccessAt = Date.now() / 1000;
      kept.measuredAt = kept.lastSuccessAt;
    } else kept.failures.set(result.reason, (kept.failures.get(result.reason) ?? 0) + 1);
    return kept;
  }
}
