/** What the reflector does at most. */
export interface ReflectorLimits {
  /** Of a transfer, in either direction; paced, not refused. */
  readonly bytesPerSecond: number;
  /** Of one transfer: more is answered by 413. */
  readonly transferBytes: number;
  /** Of one transfer: a download in chunks then ends, any other is cut off. */
  readonly transferSeconds: number;
  /** Open TCP and MPTCP connections: more are answered by 503. */
  readonly connections: number;
  /** Authorised requests: more are answered by 429. */
  readonly requestsPerSecond: number;
  /** Echoes over UDP: more get no reply. */
  readonly echoesPerSecond: number;
}

/** What holds unless a flag says otherwise. */
export const DEFAULT_LIMITS: ReflectorLimits = {
  bytesPerSecond: 125_000_000,
  transferBytes: 1_000_000_000,
  transferSeconds: 30,
  connections: 64,
  requestsPerSecond: 50,
  echoesPerSecond: 1000,
};

/** Of one echo over TCP, both ways: it measures time, not throughput. */
export const ECHO_BYTES_PER_SECOND = 100_000;

/** Longest that an echo over TCP may say nothing, and a transfer stand still, in seconds. */
export const IDLE_SECONDS = { echo: 120, transfer: 10 } as const;

/** What may wait unsent in a connection, in bytes: a third of a second at 6 Mbit/s, 2 ms at 1 Gbit/s. */
export const UNSENT_BYTES = 256 * 1024;
