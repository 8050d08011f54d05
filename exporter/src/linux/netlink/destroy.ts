import type { CloseRecord } from '../../mptcp/model.ts';
import {
  ATTRIBUTE,
  cookieOf,
  localOf,
  MESSAGE_BYTES,
  remoteOf,
  requireSocket,
  SOCK_DIAG_BY_FAMILY,
} from './inet-diag.ts';
import { IPPROTO_TCP } from './sock-diag.ts';
import { tcpInfoAt } from './tcp-info.ts';
import { Attributes } from './wire.ts';
import type { Writable } from './writable.ts';

/** SKNLGRP_INET_TCP_DESTROY and SKNLGRP_INET6_TCP_DESTROY (uapi/linux/sock_diag.h); to join takes CAP_NET_ADMIN. */
export const DESTROY_GROUPS: readonly number[] = [1, 3];

/** Type of the messages that {@link decodeClose} is for. */
export const DESTROY_MESSAGE = SOCK_DIAG_BY_FAMILY;

/**
 * Decodes the notification of a destroyed TCP socket (net/ipv4/inet_diag.c, inet_diag_handler_get_info); undefined for
 * another protocol's. `view` must not change afterwards, since the counters are read when they are asked for. Nothing
 * says whether it was a subflow, and one that was disconnected first has no remote end and counters of 0. Throws
 * `truncated` or `malformed`.
 */
export function decodeClose(view: DataView, start: number, end: number): CloseRecord | undefined {
  requireSocket(view, start, end);
  let protocol: number | undefined;
  let info = 0;
  let infoLength = 0;
  const attributes = new Attributes(view, start + MESSAGE_BYTES, end);
  while (attributes.next()) {
    if (attributes.type === ATTRIBUTE.protocol) protocol = attributes.u8();
    else if (attributes.type === ATTRIBUTE.info) {
      info = attributes.offset;
      infoLength = attributes.length;
    }
  }
  if (protocol !== IPPROTO_TCP) return undefined;
  const tcp = tcpInfoAt(view, info, infoLength);
  const close: Writable<CloseRecord> = { local: localOf(view, start), remote: remoteOf(view, start), tcp };
  const cookie = cookieOf(view, start);
  if (cookie !== undefined) close.cookie = cookie;
  return close;
}
