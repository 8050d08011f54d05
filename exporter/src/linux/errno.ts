import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { type ErrorCode, ExporterError } from '../errors.ts';

const E = constants.errno;

/** What each errno that we know how to act on means to us; every other one is `kernel_refused`. */
const CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [E.EPERM, 'permission_denied'],
  [E.EACCES, 'permission_denied'],
  [E.ENOENT, 'not_supported'],
  [E.EOPNOTSUPP, 'not_supported'],
  [E.EPROTONOSUPPORT, 'not_supported'],
  [E.EAFNOSUPPORT, 'not_supported'],
  [E.ENODEV, 'unreachable'],
  [E.ENETDOWN, 'unreachable'],
  [E.ENETUNREACH, 'unreachable'],
  [E.EHOSTUNREACH, 'unreachable'],
  [E.EADDRNOTAVAIL, 'unreachable'],
  [E.EADDRINUSE, 'address_in_use'],
  [E.ECONNREFUSED, 'connection_refused'],
  [E.ECONNRESET, 'connection_refused'],
  [E.ECANCELED, 'interrupted'],
  [E.EAGAIN, 'timeout'],
  [E.ETIMEDOUT, 'timeout'],
  [E.ENOBUFS, 'overrun'],
  [E.EINTR, 'interrupted'],
]);

/** How to word a failure of a system call or of the kernel. */
export interface Wording {
  /** What is being done; completes "cannot …". */
  readonly doing: string;
  /** What the operator can do, one sentence per code. */
  readonly remedies?: Partial<Readonly<Record<ErrorCode, string>>>;
}

/** The error for a positive errno; `detail` is what the kernel added in words (extended ACK). */
export function errnoError(
  errno: number,
  { doing, remedies }: Wording,
  { detail, cause }: { readonly detail?: string | undefined; readonly cause?: unknown } = {},
): ExporterError {
  const code = CODES.get(errno) ?? 'kernel_refused';
  const why = detail === undefined ? errnoName(errno) : `${errnoName(errno)}, ${detail}`;
  const remedy = remedies?.[code];
  return new ExporterError(code, `cannot ${doing}: ${why}`, { ...(remedy !== undefined && { remedy }), cause });
}

/** The positive errno that a failed call of node:fs carries, or undefined for any other thing thrown. */
export function errnoOf(caught: unknown): number | undefined {
  const errno = caught instanceof Error && 'errno' in caught ? caught.errno : undefined;
  return typeof errno === 'number' && errno < 0 ? -errno : undefined;
}

/** `ENOENT` for 2; `errno 4242` for a number without a name. */
function errnoName(errno: number): string {
  const name = errno > 0 ? getSystemErrorName(-errno) : '';
  return /^E[A-Z0-9]+$/.test(name) ? name : `errno ${errno}`;
}
