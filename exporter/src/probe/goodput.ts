/** What had arrived at the receiver at a time. */
export interface Arrived {
  /** Since the first byte, by the receiver's clock. */
  readonly seconds: number;
  readonly bytes: number;
}

/** Part of a run that is not counted, because the congestion window is still growing: a fifth, at most a second. */
export const startupSeconds = (durationSeconds: number): number => Math.min(1, durationSeconds / 5);

/** Shorter than that nothing can be said. */
const LEAST_SECONDS = 0.05;

/**
 * Payload that arrived at the receiver after the start-up, and the time it took. A run that its byte limit ended sooner than
 * as long again after the start-up counts as a whole. Undefined when it was too short to say anything.
 */
export function goodput(arrived: readonly Arrived[], durationSeconds: number): Arrived | undefined {
  const last = arrived.at(-1);
  if (last === undefined) return undefined;
  const startup = startupSeconds(durationSeconds);
  const first = last.seconds >= 2 * startup ? arrived.find(({ seconds }) => seconds >= startup) : undefined;
  const { seconds, bytes } = first ?? { seconds: 0, bytes: 0 };
  const counted = { seconds: last.seconds - seconds, bytes: last.bytes - bytes };
  return counted.seconds >= LEAST_SECONDS && counted.bytes > 0 ? counted : undefined;
}
