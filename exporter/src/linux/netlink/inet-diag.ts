import { ExporterError } from '../../errors.ts';
import { type SocketAddress, TCP_STATES, type TcpState } from '../../mptcp/model.ts';
import { ipv4Text, ipv6Text } from '../address.ts';
import { AF_INET, AF_INET6, isAllOnes64, requirePayload, u64 } from './wire.ts';

/** Type of the messages that hold an inet_diag_msg: rows of a dump, and destroyed sockets. */
export const SOCK_DIAG_BY_FAMILY = 20;

/** Attributes of an inet_diag_msg (uapi/linux/inet_diag.h, INET_DIAG_*). */
export const ATTRIBUTE = { info: 2, congestion: 4, protocol: 10, ulpInfo: 19 } as const;

/** `struct inet_diag_msg`. */
export const MESSAGE_BYTES = 72;

/** Checks that a message holds a whole inet_diag_msg of a known family and state. Throws `truncated` or `malformed`. */
export function requireSocket(view: DataView, start: number, end: number): void {
  requirePayload('inet_diag_msg', start, end, MESSAGE_BYTES);
  const family = view.getUint8(start);
  if (family !== AF_INET && family !== AF_INET6) {
    throw new ExporterError('malformed', `inet_diag_msg of address family ${family}`);
  }
  stateOf(view, start);
}

/** The state in an inet_diag_msg. Throws `malformed` for one that TCP does not have. */
export function stateOf(view: DataView, start: number): TcpState {
  const number = view.getUint8(start + 1);
  const state = TCP_STATES[number];
  if (state === undefined) throw new ExporterError('malformed', `inet_diag_msg with TCP state ${number}`);
  return state;
}

/** The local end in an inet_diag_msg that has been checked. */
export function localOf(view: DataView, start: number): SocketAddress {
  return { address: addressText(view, start, start + 8), port: view.getUint16(start + 4) };
}

/** The remote end in an inet_diag_msg that has been checked. */
export function remoteOf(view: DataView, start: number): SocketAddress {
  return { address: addressText(view, start, start + 24), port: view.getUint16(start + 6) };
}

function addressText(view: DataView, start: number, offset: number): string {
  return view.getUint8(start) === AF_INET ? ipv4Text(view, offset) : ipv6Text(view, offset);
}

/** The index of the interface that the socket is bound to in an inet_diag_msg that has been checked; 0 is none. */
export function boundInterfaceOf(view: DataView, start: number): number | undefined {
  return view.getUint32(start + 40, true) || undefined;
}

/** The cookie in an inet_diag_msg that has been checked; INET_DIAG_NOCOOKIE is none. */
export function cookieOf(view: DataView, start: number): number | undefined {
  return isAllOnes64(view, start + 44) ? undefined : u64(view, start + 44);
}

/** Bytes in the send queue of a TCP socket in an inet_diag_msg that has been checked. */
export function sendQueueOf(view: DataView, start: number): number {
  return view.getUint32(start + 60, true);
}

/** The inode in an inet_diag_msg that has been checked; 0 is a socket that its process has let go. */
export function inodeOf(view: DataView, start: number): number | undefined {
  return view.getUint32(start + 68, true) || undefined;
}
