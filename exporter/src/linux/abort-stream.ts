import type { Libc } from './libc.ts';

/** `struct sockaddr` of AF_UNSPEC, which takes a connected socket back (connect(2)). */
const NOBODY = new Uint8Array(16);

/**
 * Ends a connection at once, in both directions: what is queued is not sent any more, and the other end gets a reset, over
 * MPTCP a fastclose (RFC 8684 section 3.5). A mere close would go on sending for as long as the queue lasts. The descriptor
 * is still to be closed.
 */
export function abortConnection(libc: Libc, descriptor: number): void {
  libc.connect(descriptor, NOBODY); // an errno means that there is no connection any more
}
