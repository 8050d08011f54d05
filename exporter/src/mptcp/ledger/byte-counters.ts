import type { TcpInfo } from '../model.ts';

/** Byte counters kept per path, named as in {@link TcpInfo}. */
const BYTE_COUNTERS = ['sentBytes', 'receivedBytes', 'retransmittedBytes', 'acknowledgedBytes'] as const;

type ByteCounter = (typeof BYTE_COUNTERS)[number];

/** The byte counters of one socket; undefined where the source has none. */
export type ByteCounters = { -readonly [K in ByteCounter]: number | undefined };

/** The byte counters of a path; absent until some subflow reported one. */
export type ByteTotals = { -readonly [K in ByteCounter]?: number };

/** Takes the byte counters out of a `tcp_info`, which may stand on a large buffer that must not be kept. */
export function byteCountersOf(tcp: TcpInfo): ByteCounters {
  const { sentBytes, receivedBytes, retransmittedBytes, acknowledgedBytes } = tcp;
  return { sentBytes, receivedBytes, retransmittedBytes, acknowledgedBytes };
}

/** Counters at 0, of those that are reported in `bytes`. */
export function zeroed(bytes: ByteCounters): ByteCounters {
  const start = (value: number | undefined) => (value === undefined ? undefined : 0);
  return {
    sentBytes: start(bytes.sentBytes),
    receivedBytes: start(bytes.receivedBytes),
    retransmittedBytes: start(bytes.retransmittedBytes),
    acknowledgedBytes: start(bytes.acknowledgedBytes),
  };
}

/** Whether some counter is below what it was: then the kernel has zeroed them since, by a disconnect. */
export function isBehind(now: ByteCounters, before: ByteCounters): boolean {
  return BYTE_COUNTERS.some((counter) => (now[counter] ?? Number.POSITIVE_INFINITY) < (before[counter] ?? 0));
}

/** Whether the counters are known and none of them has moved since. */
export function isStill(before: ByteCounters, tcp: TcpInfo): boolean {
  return (
    before.sentBytes !== undefined &&
    tcp.sentBytes === before.sentBytes &&
    tcp.receivedBytes === before.receivedBytes &&
    tcp.retransmittedBytes === before.retransmittedBytes &&
    tcp.acknowledgedBytes === before.acknowledgedBytes
  );
}

/** Whether every counter was reported. */
export function isComplete(bytes: ByteCounters): boolean {
  return BYTE_COUNTERS.every((counter) => bytes[counter] !== undefined);
}

/** Adds to `totals` what `now` has over `before`, and makes that the new `before`. Counters that are lower take nothing back. */
export function credit(totals: ByteTotals, before: ByteCounters, now: ByteCounters): void {
  for (const counter of BYTE_COUNTERS) {
    const value = now[counter];
    const last = before[counter] ?? 0;
    if (value === undefined || value < last) continue;
    totals[counter] = (totals[counter] ?? 0) + (value - last);
    before[counter] = value;
  }
}
