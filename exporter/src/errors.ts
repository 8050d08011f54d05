/**
 * Every code an error of ours can carry; stable, because it is also the `reason` label of
 * `mptcp_exporter_errors_total`. Grow it, do not rename.
 */
export const ERROR_CODES = [
  'truncated', // a message or a file ends before what its header promises
  'malformed', // bytes or text that do not follow the format
  'dump_interrupted', // the kernel's tables changed during a dump (NLM_F_DUMP_INTR); it was repeated
  'overrun', // ENOBUFS: the socket's buffer could not hold what the kernel had to say
  'interrupted', // EINTR: a signal came first; it was repeated
  'kernel_refused', // the kernel answered a request with an error number
  'permission_denied', // EPERM or EACCES
  'not_supported', // this kernel, or this build of it, has no such interface
  'ffi_unavailable', // koffi's binary does not load on this platform
  'unreachable', // no way there from here: ENETUNREACH, EHOSTUNREACH, ENETDOWN, ENODEV, EADDRNOTAVAIL
  'connection_refused', // the other end answered with a reset
  'timeout', // nothing came within the time allowed
  'output_too_large', // a child process or a dump wrote more than the bound
  'tool_missing', // a program is not installed
  'tool_failed', // a program ended with an error
  'unreadable', // a file could not be read
  'unwritable', // a file could not be written
  'in_use', // another process holds a file that only one may use
  'invalid_configuration', // a file, key or value of the user's is wrong
  'invalid_flag', // a command line flag or its value is wrong
  'address_in_use', // the listening address is taken
  'overloaded', // more was asked at once than is answered; the request was refused
  'not_tcp_info', // the kernel answered an MPTCP dump with TCP sockets (kernels 5.7 to 5.9, issue #149)
  'internal', // a bug of ours
] as const;

/** One of {@link ERROR_CODES}. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** The only error this program throws on purpose: a stable code, one line of what happened, and what to do about it. */
export class ExporterError extends Error {
  override readonly name = 'ExporterError';
  readonly code: ErrorCode;
  /** One sentence that tells the operator what to do; absent when there is nothing they can do. */
  readonly remedy: string | undefined;

  /** `message` and `remedy` are one line each, without a final stop in the message. */
  constructor(code: ErrorCode, message: string, options: { readonly remedy?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy;
  }

  /** The error as one line for a terminal or a log: message, then remedy. */
  get line(): string {
    return this.remedy === undefined ? this.message : `${this.message}. ${this.remedy}`;
  }
}

/** Wraps anything caught as an {@link ExporterError}; what is not ours already becomes `internal`. */
export function asExporterError(caught: unknown): ExporterError {
  if (caught instanceof ExporterError) return caught;
  const message = caught instanceof Error ? caught.message : String(caught);
  return new ExporterError('internal', message.split('\n', 1)[0] ?? 'unknown error', { cause: caught });
}
