import type { ByteCounters } from './byte-counters.ts';

/** How fast one subflow moved in the last measured span; absent until it has been seen over one. */
export interface SubflowRates {
  readonly sendBytesPerSecond?: number;
  readonly receiveBytesPerSecond?: number;
}

/** What is kept of a subflow for its rates. */
export interface RateState {
  spanSentBytes: number | undefined;
  spanReceivedBytes: number | undefined;
  sendBytesPerSecond: number | undefined;
  receiveBytesPerSecond: number | undefined;
}

/** The state of a subflow whose span begins at these counters. */
export function ratesFrom({ sentBytes, receivedBytes }: ByteCounters): RateState {
  return {
    spanSentBytes: sentBytes,
    spanReceivedBytes: receivedBytes,
    sendBytesPerSecond: undefined,
    receiveBytesPerSecond: undefined,
  };
}

/** Ends a span of so many seconds and begins the next. */
export function measure(state: RateState, { sentBytes, receivedBytes }: ByteCounters, seconds: number): void {
  state.sendBytesPerSecond = rate(sentBytes, state.spanSentBytes, seconds);
  state.receiveBytesPerSecond = rate(receivedBytes, state.spanReceivedBytes, seconds);
  state.spanSentBytes = sentBytes;
  state.spanReceivedBytes = receivedBytes;
}

function rate(now: number | undefined, before: number | undefined, seconds: number): number | undefined {
  return now === undefined || before === undefined ? undefined : (now - before) / seconds;
}
