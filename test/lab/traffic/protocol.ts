/**
 * Sizes from `least` to `most` bytes, spread evenly by their logarithm. The seed and the client's port choose a connection's
 * size, so that both ends know it.
 */
export interface Sizes {
  readonly least: number;
  readonly most: number;
  readonly seed: number;
}

/** What a traffic program is told in the first line of its standard input; one JSON object, as are all further lines. */
export interface Settings {
  /** Listen on this address, or connect to it. */
  readonly host: string;
  /** Absent: listen. */
  readonly connect?: { readonly port: number; readonly from?: string };
  /** Listening on an IPv6 address: only for IPv6. */
  readonly ipv6Only: boolean;
  /** How many connections to open or to wait for. */
  readonly connections: number;
  /** Opening: at most so many open at a time, a new one whenever one has closed; absent: all together. */
  readonly atATime?: number;
  readonly sends: boolean;
  readonly receives: boolean;
  /** Per connection and direction; absent: until told to stop. */
  readonly bytes?: number | Sizes;
  /** Per connection; absent: as fast as it goes. */
  readonly bytesPerSecond?: number;
  /** Close each connection as soon as its bytes are through. */
  readonly closesWhenDone: boolean;
}

/** What a traffic program can be told while it runs. */
export type Command =
  | { readonly command: 'progress' }
  | { readonly command: 'stop' }
  | { readonly command: 'expect'; readonly received: number }
  | { readonly command: 'close' }
  /** Reset every connection (SO_LINGER 0). */
  | { readonly command: 'reset' }
  /** Close every connection with received data unread, which MPTCP does by fastclose. */
  | { readonly command: 'abandon' };

/** What one end of one connection counted, payload only. */
export interface ConnectionCount {
  /** `address:port`, `[v6]:port`. */
  readonly local: string;
  readonly remote: string;
  readonly sent: number;
  readonly received: number;
  /** From its opening here to its close. */
  readonly seconds: number;
  /**
   * What this end's subflows sent by their own counters, TCP's retransmissions left out, asked of the socket when the
   * other end had closed. It is more than `sent` when MPTCP sent data again on another subflow. Absent where the connection
   * ended before.
   */
  readonly carried?: number;
}

/** Sums over all connections of a program, and how many are open. */
export interface Progress {
  readonly sent: number;
  readonly received: number;
  readonly open: number;
}

/** What a traffic program prints on standard output. */
export type Event =
  | { readonly event: 'listening'; readonly port: number }
  /** All connections are or were open. */
  | { readonly event: 'opened' }
  /** All connections have moved their bytes. */
  | { readonly event: 'moved'; readonly seconds: number }
  | ({ readonly event: 'progress' } & Progress)
  /** Nothing more will be sent; everything before is with the kernel. */
  | { readonly event: 'stopped'; readonly sent: number }
  /** As much was received as `expect` named. */
  | { readonly event: 'arrived'; readonly seconds: number }
  | ({ readonly event: 'closed'; readonly error?: string } & ConnectionCount)
  /** All connections are closed; the last event. */
  | { readonly event: 'ended' };

/** A line of JSON. */
export const encode = (message: Settings | Command | Event): string => `${JSON.stringify(message)}\n`;
