/** Goes up when an end of another version would misunderstand. */
export const PROTOCOL_VERSION = '1';

/** Every answer of a reflector has this header, by which it is told from other HTTP servers; its value is the version. */
export const VERSION_HEADER = 'mptcp-reflector';

/**
 * - `GET /v1/download?bytes=N`: N bytes. With `seconds=S` what of them can be sent in S seconds, without N as many as the
 *   reflector allows; that comes in chunks, and ends whole.
 * - `POST` or `PUT /v1/upload`: counts what comes. With `?progress`, the answer begins at once and is a stream of lines, a
 *   {@link Progress} each, about ten a second; else it is one such line at the end.
 * - `GET /v1/echo` with `Upgrade: mptcp-reflector-echo`: from the 101 on, each byte comes back.
 *
 * What is refused is answered by a {@link Refusal} in JSON, and a status that says the same.
 */
export const ROUTES = { download: '/v1/download', upload: '/v1/upload', echo: '/v1/echo' } as const;

/** Value of `Upgrade` for an echo over TCP. */
export const ECHO_UPGRADE = 'mptcp-reflector-echo';

/** How often an upload is reported on, in milliseconds. */
export const PROGRESS_MS = 100;

/** What has arrived of an upload. */
export interface Progress {
  /** Of the body, since its first byte. */
  readonly bytes: number;
  /** Since the first byte, by the reflector's clock; 0 before it. */
  readonly seconds: number;
  /** Of the last line. */
  readonly done?: true;
}

/** Why the reflector refused, by HTTP status. */
export const REFUSALS = {
  invalid: 400,
  unauthorized: 401,
  /** The tag is right, the time in it is not. */
  clock: 401,
  not_found: 404,
  too_large: 413,
  too_many_requests: 429,
  /** Another transfer runs. */
  busy: 503,
  too_many_connections: 503,
} as const;

/** One of {@link REFUSALS}. */
export type RefusalReason = keyof typeof REFUSALS;

/** The body of an answer that refuses. */
export interface Refusal {
  readonly reason: RefusalReason;
  /** One line for people. */
  readonly message: string;
}
