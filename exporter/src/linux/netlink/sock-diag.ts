import { type ConnectionRecord, type SubflowRecord, TCP_STATES, type TcpState } from '../../mptcp/model.ts';
import { connectionRow } from './connection-row.ts';
import { ATTRIBUTE, inodeOf, MESSAGE_BYTES, requireSocket, SOCK_DIAG_BY_FAMILY, stateOf } from './inet-diag.ts';
import { subflowRow } from './subflow-row.ts';
import { type AF_INET, type AF_INET6, Attributes, encodeAttribute, type NetlinkRequest } from './wire.ts';

/** NETLINK_SOCK_DIAG (uapi/linux/netlink.h). */
export const NETLINK_SOCK_DIAG = 4;

/** IPPROTO_TCP (uapi/linux/in.h). */
export const IPPROTO_TCP = 6;
const IPPROTO_MPTCP = 262;
const INET_DIAG_REQ_PROTOCOL = 3;

const ULP_ATTRIBUTE = { name: 1, mptcp: 3 } as const;

/** Extensions are asked for by bit `type - 1`; ULP information comes unasked. */
const EXTENSIONS = (1 << (ATTRIBUTE.info - 1)) | (1 << (ATTRIBUTE.congestion - 1));

/** `struct inet_diag_req_v2`, whose sockid's cookie is INET_DIAG_NOCOOKIE. */
const REQUEST_BYTES = 56;
const REQUEST_COOKIE = 48;

/** The request of before Linux 3.3 and its `struct inet_diag_req`: the only one that is answered with all families at once. */
const TCPDIAG_GETSOCK = 18;
const OLD_REQUEST = { extensions: 3, states: 52, bytes: 60 } as const;

/** States of sockets that carry nothing or will carry nothing more; neither is their row wanted. */
const LEFT_OUT: ReadonlySet<TcpState> = new Set(['listen', 'time_wait', 'new_syn_received']);

/** Bit per state for the request: all but those left out. */
const CONNECTION_STATES = stateMask((state) => !LEFT_OUT.has(state));
/** A TCP socket in SYN_RECV is a mere request: no subflow yet, but many of them under a SYN flood. */
const SUBFLOW_STATES = stateMask((state) => !LEFT_OUT.has(state) && state !== 'syn_received');

function stateMask(wanted: (state: TcpState) => boolean): number {
  return TCP_STATES.reduce((mask, state, number) => (state && wanted(state) ? mask | (1 << number) : mask), 0);
}

/** An address family, or both of IPv4 and IPv6, which costs the kernel one walk of its table instead of two. */
export type DumpFamily = typeof AF_INET | typeof AF_INET6 | 'both';

/** The request for all MPTCP sockets (protocol 262 in an attribute, as it does not fit the header's u8). */
export function connectionDumpRequest(family: DumpFamily): NetlinkRequest {
  const protocol = new Uint8Array(4);
  new DataView(protocol.buffer).setUint32(0, IPPROTO_MPTCP, true);
  const attribute = encodeAttribute(INET_DIAG_REQ_PROTOCOL, protocol);
  return dumpRequest(family, IPPROTO_MPTCP & 0xff, CONNECTION_STATES, attribute);
}

/** The request for all TCP sockets; the kernel has no filter for subflows. */
export function subflowDumpRequest(family: DumpFamily): NetlinkRequest {
  return dumpRequest(family, IPPROTO_TCP, SUBFLOW_STATES, new Uint8Array());
}

function dumpRequest(family: DumpFamily, protocol: number, states: number, attributes: Uint8Array): NetlinkRequest {
  if (family === 'both') return oldDumpRequest(states, attributes);
  const payload = new Uint8Array(REQUEST_BYTES + attributes.length);
  payload.set([family, protocol, EXTENSIONS]);
  new DataView(payload.buffer).setUint32(4, states, true);
  payload.fill(0xff, REQUEST_COOKIE, REQUEST_BYTES);
  payload.set(attributes, REQUEST_BYTES);
  return { type: SOCK_DIAG_BY_FAMILY, payload, answer: SOCK_DIAG_BY_FAMILY };
}

/** The protocol is in the type, TCP, unless an attribute tells another (net/ipv4/inet_diag.c inet_diag_dump_compat). */
function oldDumpRequest(states: number, attributes: Uint8Array): NetlinkRequest {
  const payload = new Uint8Array(OLD_REQUEST.bytes + attributes.length);
  payload[OLD_REQUEST.extensions] = EXTENSIONS;
  new DataView(payload.buffer).setUint32(OLD_REQUEST.states, states, true);
  payload.set(attributes, OLD_REQUEST.bytes);
  return { type: TCPDIAG_GETSOCK, payload, answer: TCPDIAG_GETSOCK };
}

/**
 * Decodes a row of the MPTCP dump; undefined for a listening socket. Throws `not_tcp_info` when the row carries a
 * `struct tcp_info`: kernels 5.7 to 5.9 answer with all TCP sockets (multipath-tcp/mptcp_net-next issue 149).
 */
export function decodeConnection(view: DataView, start: number, end: number): ConnectionRecord | undefined {
  requireSocket(view, start, end);
  if (LEFT_OUT.has(stateOf(view, start))) return undefined;
  let info = 0;
  let infoLength = 0;
  const attributes = new Attributes(view, start + MESSAGE_BYTES, end);
  while (attributes.next()) {
    if (attributes.type !== ATTRIBUTE.info) continue;
    info = attributes.offset;
    infoLength = attributes.length;
  }
  return connectionRow(view, start, info, infoLength);
}

/**
 * Makes the decoder of the TCP dump's rows, which leaves out plain TCP. A subflow shows by its ULP; where the kernel
 * hides that from us (before 6.15 without CAP_NET_ADMIN) by `connectionInodes`, which subflows share with their
 * connection.
 */
export function subflowDecoder(
  connectionInodes: ReadonlySet<number>,
): (view: DataView, start: number, end: number) => SubflowRecord | undefined {
  // One of each for all rows: making three a row was a good part of a dump's garbage.
  const none = new DataView(new ArrayBuffer(0));
  const attributes = new Attributes(none, 0, 0);
  const ulpParts = new Attributes(none, 0, 0);
  const subflowParts = new Attributes(none, 0, 0);
  return (view, start, end) => {
    requireSocket(view, start, end);
    let info = 0;
    let infoLength = 0;
    let congestionControl: string | undefined;
    let isSubflow = false;
    let ulp: string | undefined;
    attributes.reopen(view, start + MESSAGE_BYTES, end);
    while (attributes.next()) {
      if (attributes.type === ATTRIBUTE.info) {
        info = attributes.offset;
        infoLength = attributes.length;
      } else if (attributes.type === ATTRIBUTE.congestion) {
        congestionControl = attributes.text();
      } else if (attributes.type === ATTRIBUTE.ulpInfo) {
        attributes.enter(ulpParts);
        while (ulpParts.next()) {
          if (ulpParts.type === ULP_ATTRIBUTE.name) ulp = ulpParts.text();
          else if (ulpParts.type === ULP_ATTRIBUTE.mptcp) {
            ulpParts.enter(subflowParts);
            isSubflow = true;
          }
        }
      }
    }
    const mayBe = ulp === undefined && connectionInodes.has(inodeOf(view, start) ?? 0);
    if (ulp !== 'mptcp' && !mayBe) return undefined;
    if (LEFT_OUT.has(stateOf(view, start))) return undefined;
    return subflowRow(view, start, {
      info,
      infoLength,
      congestionControl,
      attributes: isSubflow ? subflowParts : undefined,
    });
  };
}
