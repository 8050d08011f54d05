import { Histogram } from './histogram.ts';
import type { Folded, Ledger } from './ledger.ts';
import type { Snapshot } from './model.ts';
import { UNKNOWN_PATH } from './path-rules.ts';

/** Upper bounds in seconds of the round-trip-time histogram: LAN to satellite. */
export const RTT_BUCKETS_SECONDS: readonly number[] = [
  0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5,
];

/** The `_max_` gauges look back this far. */
export const MAXIMUM_WINDOW_SECONDS = 15;

/** One path's throughput; absent until a span has been measured, or where the source reports no bytes. */
export interface PathThroughput {
  readonly sendBytesPerSecond?: number;
  readonly receiveBytesPerSecond?: number;
  /** Highest span of the last {@link MAXIMUM_WINDOW_SECONDS}. */
  readonly maximumSendBytesPerSecond?: number;
  readonly maximumReceiveBytesPerSecond?: number;
  /** Round-trip times in seconds, with the bounds {@link RTT_BUCKETS_SECONDS}. */
  readonly rtt: Histogram;
}

interface Direction {
  base: number;
  readonly recent: { readonly at: number; readonly rate: number }[];
}

interface PathMeter {
  readonly send: Direction;
  readonly receive: Direction;
  readonly rtt: Histogram;
}

/** Measures each path over the ledger's spans: throughput both ways, and the RTTs of the subflows that moved data. */
export class ThroughputMeter {
  readonly #meters = new Map<string, PathMeter>();

  /** Takes one look into account; `folded` is what the ledger made of the same look. */
  measure(snapshot: Snapshot, ledger: Ledger, { spanSeconds, activity }: Folded): void {
    if (spanSeconds === undefined) return;
    const bytesKnown = snapshot.capabilities.get('subflow_bytes') !== false;
    for (const [path, totals] of ledger.paths) {
      const meter = this.#meter(path);
      if (!bytesKnown) continue;
      // A path without a subflow has moved nothing, which is known.
      step(meter.send, totals.sentBytes ?? 0, spanSeconds, snapshot.monotonicSeconds);
      step(meter.receive, totals.receivedBytes ?? 0, spanSeconds, snapshot.monotonicSeconds);
    }
    snapshot.sockets.value?.subflows.forEach(({ path, socket }, index) => {
      if (activity[index] === 0) return;
      const { rttSeconds } = socket.tcp;
      // Counted where the ledger counts its bytes.
      if (rttSeconds !== undefined) this.#meter(ledger.paths.has(path) ? path : UNKNOWN_PATH).rtt.observe(rttSeconds);
    });
  }

  /** What is known of one path; `undefined` for one never seen. */
  of(path: string): PathThroughput | undefined {
    const meter = this.#meters.get(path);
    if (meter === undefined) return undefined;
    const send = meter.send.recent.at(-1)?.rate;
    const receive = meter.receive.recent.at(-1)?.rate;
    return {
      rtt: meter.rtt,
      ...(send !== undefined && { sendBytesPerSecond: send, maximumSendBytesPerSecond: highest(meter.send) }),
      ...(receive !== undefined && {
        receiveBytesPerSecond: receive,
        maximumReceiveBytesPerSecond: highest(meter.receive),
      }),
    };
  }

  #meter(path: string): PathMeter {
    let meter = this.#meters.get(path);
    if (meter === undefined) {
      meter = {
        // The ledger starts at 0 too, so a path's first span holds all it has moved.
        send: { base: 0, recent: [] },
        receive: { base: 0, recent: [] },
        rtt: new Histogram(RTT_BUCKETS_SECONDS),
      };
      this.#meters.set(path, meter);
    }
    return meter;
  }
}

function step(direction: Direction, total: number, span: number, now: number): void {
  direction.recent.push({ at: now, rate: (total - direction.base) / span });
  direction.base = total;
  const horizon = now - MAXIMUM_WINDOW_SECONDS;
  while ((direction.recent[0]?.at ?? now) < horizon) direction.recent.shift();
}

function highest({ recent }: Direction): number {
  return recent.reduce((most, { rate }) => Math.max(most, rate), 0);
}
