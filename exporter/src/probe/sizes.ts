import type { LegRun } from './probe.ts';

/** What goes over a path for each byte of payload: headers of both directions, and something sent again. */
export const OVERHEAD = 1.15;

/** Handshakes, requests, and the questions asked meanwhile. */
export const FIXED_BYTES = 20_000;

/** Less than that says nothing about a path. */
export const LEAST_PAYLOAD = 100_000;

/** Payload that a leg may move: by its settings, and by what the budget leaves. */
export function payloadLimit({ settings, meter }: LegRun): number {
  const maximum = 'maximumBytes' in settings ? settings.maximumBytes : undefined;
  return Math.min(maximum ?? Number.POSITIVE_INFINITY, Math.floor((meter.remaining - FIXED_BYTES) / OVERHEAD));
}
