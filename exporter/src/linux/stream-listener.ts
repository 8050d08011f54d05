import { closeSync } from 'node:fs';
import { ExporterError } from '../errors.ts';
import type { SocketAddress } from '../mptcp/model.ts';
import type { Libc } from './libc.ts';
import { AF_INET6, encodeSocketAddress, familyOf } from './socket-bytes.ts';

const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SOL_IPV6 = 41;
const IPV6_V6ONLY = 26;
const SOL_TCP = 6;
const TCP_NOTSENT_LOWAT = 25;
/** IPPROTO_TCP and IPPROTO_MPTCP (uapi/linux/in.h). */
const PROTOCOLS = { tcp: 6, mptcp: 262 } as const;

/** How {@link bindListener} is to bind. */
export interface ListenerOptions {
  readonly protocol: keyof typeof PROTOCOLS;
  /** Whether `::` takes IPv4 too. */
  readonly dualStack: boolean;
  /** What may wait unsent in an accepted socket, in bytes: what is written beyond it has to wait. */
  readonly unsentBytes: number;
}

/**
 * Binds an MPTCP or TCP socket to an address, and gives the descriptor for node:net's `listen({ fd })`, which then owns it.
 * One of MPTCP serves clients without it as well. Throws {@link ExporterError}: `not_supported` where the kernel has no MPTCP or it
 * is switched off, `address_in_use`, `permission_denied`, `unreachable` (not an address of this machine), others by errno.
 */
export function bindListener(libc: Libc, address: SocketAddress, options: ListenerOptions): number {
  const bytes = encodeSocketAddress(address);
  const descriptor = open(libc, familyOf(bytes), options.protocol);
  try {
    libc.setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    if (familyOf(bytes) === AF_INET6) libc.setsockopt(descriptor, SOL_IPV6, IPV6_V6ONLY, options.dualStack ? 0 : 1);
    limitUnsent(libc, descriptor, options.unsentBytes);
    libc.bind(descriptor, bytes, { doing: `listen on ${address.address} port ${address.port}` });
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/**
 * Bounds what waits unsent in a socket (TCP_NOTSENT_LOWAT), so that the end of what is written is soon the end of what is
 * sent, over slow links too. Kernels that lack that for MPTCP (before 6.9) are left alone: there it only ends later.
 */
export function limitUnsent(libc: Libc, descriptor: number, bytes: number): void {
  try {
    libc.setsockopt(descriptor, SOL_TCP, TCP_NOTSENT_LOWAT, bytes);
  } catch (caught) {
    if (!(caught instanceof ExporterError)) throw caught;
  }
}

function open(libc: Libc, family: number, protocol: keyof typeof PROTOCOLS): number {
  try {
    return libc.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, PROTOCOLS[protocol]);
  } catch (cause) {
    if (protocol === 'tcp') throw cause;
    // EPROTONOSUPPORT without MPTCP in the kernel, ENOPROTOOPT where net.mptcp.enabled is 0.
    const words = cause instanceof ExporterError ? cause.message : String(cause);
    throw new ExporterError('not_supported', `this kernel gives no MPTCP sockets (${words})`, {
      remedy: 'Switch it on with: sysctl -w net.mptcp.enabled=1',
      cause,
    });
  }
}
