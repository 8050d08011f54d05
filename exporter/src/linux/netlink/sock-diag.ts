import { ExporterError } from '../../errors.ts';
import {
  type ConnectionRecord,
  type SocketAddress,
  type SubflowRecord,
  TCP_STATES,
  type TcpState,
} from '../../mptcp/model.ts';
import { ipv4Text, ipv6Text } from '../address.ts';
import { tcpInfoAt } from './tcp-info.ts';
import {
  AF_INET,
  AF_INET6,
  Attributes,
  encodeAttribute,
  isAllOnes64,
  type NetlinkRequest,
  requirePayload,
  u64,
} from './wire.ts';
import type { Writable } from './writable.ts';

/** NETLINK_SOCK_DIAG (uapi/linux/netlink.h). */
export const NETLINK_SOCK_DIAG = 4;

/** Type of the messages that hold an inet_diag_msg: rows of a dump, and destroyed sockets. */
export const SOCK_DIAG_BY_FAMILY = 20;
/** IPPROTO_TCP (uapi/linux/in.h). */
export const IPPROTO_TCP = 6;
const IPPROTO_MPTCP = 262;
const INET_DIAG_REQ_PROTOCOL = 3;

/** Attributes of an inet_diag_msg (uapi/linux/inet_diag.h, INET_DIAG_*). */
export const ATTRIBUTE = { info: 2, congestion: 4, protocol: 10, ulpInfo: 19 } as const;
const ULP_ATTRIBUTE = { name: 1, mptcp: 3 } as const;
const SUBFLOW_ATTRIBUTE = { tokenLocal: 2, flags: 8, idRemote: 9, idLocal: 10 } as const;

/** Extensions are asked for by bit `type - 1`; ULP information comes unasked. */
const EXTENSIONS = (1 << (ATTRIBUTE.info - 1)) | (1 << (ATTRIBUTE.congestion - 1));

/** `struct inet_diag_msg`. */
export const MESSAGE_BYTES = 72;
/** `struct inet_diag_req_v2`, whose sockid's cookie is INET_DIAG_NOCOOKIE. */
const REQUEST_BYTES = 56;
const REQUEST_COOKIE = 48;

/** The shortest `struct mptcp_info` ever (5.9), and what only a `struct tcp_info` exceeds. */
const MPTCP_INFO_MIN_BYTES = 40;
const MPTCP_INFO_MAX_BYTES = 200;

/** States of sockets that carry nothing or will carry nothing more; neither is their row wanted. */
const LEFT_OUT: ReadonlySet<TcpState> = new Set(['listen', 'time_wait', 'new_syn_received']);

/** Bit per state for the request: all but those left out. */
const CONNECTION_STATES = stateMask((state) => !LEFT_OUT.has(state));
/** A TCP socket in SYN_RECV is a mere request: no subflow yet, but many of them under a SYN flood. */
const SUBFLOW_STATES = stateMask((state) => !LEFT_OUT.has(state) && state !== 'syn_received');

function stateMask(wanted: (state: TcpState) => boolean): number {
  return TCP_STATES.reduce((mask, state, number) => (state && wanted(state) ? mask | (1 << number) : mask), 0);
}

/** The request for all MPTCP sockets of a family (protocol 262 in an attribute, as it does not fit the header's u8). */
export function connectionDumpRequest(family: number): NetlinkRequest {
  const protocol = new Uint8Array(4);
  new DataView(protocol.buffer).setUint32(0, IPPROTO_MPTCP, true);
  const attribute = encodeAttribute(INET_DIAG_REQ_PROTOCOL, protocol);
  return dumpRequest(family, IPPROTO_MPTCP & 0xff, CONNECTION_STATES, attribute);
}

/** The request for all TCP sockets of a family; the kernel has no filter for subflows. */
export function subflowDumpRequest(family: number): NetlinkRequest {
  return dumpRequest(family, IPPROTO_TCP, SUBFLOW_STATES, new Uint8Array());
}

function dumpRequest(family: number, protocol: number, states: number, attributes: Uint8Array): NetlinkRequest {
  const payload = new Uint8Array(REQUEST_BYTES + attributes.length);
  payload.set([family, protocol, EXTENSIONS]);
  new DataView(payload.buffer).setUint32(4, states, true);
  payload.fill(0xff, REQUEST_COOKIE, REQUEST_BYTES);
  payload.set(attributes, REQUEST_BYTES);
  return { type: SOCK_DIAG_BY_FAMILY, payload, answer: SOCK_DIAG_BY_FAMILY };
}

/**
 * Decodes a row of the MPTCP dump; undefined for a listening socket. Throws `not_tcp_info` when the row carries a
 * `struct tcp_info`: kernels 5.7 to 5.9 answer with all TCP sockets (multipath-tcp/mptcp_net-next issue 149).
 */
export function decodeConnection(view: DataView, start: number, end: number): ConnectionRecord | undefined {
  const state = socketState(view, start, end);
  if (LEFT_OUT.has(state)) return undefined;
  let record: ConnectionRecord | undefined;
  const attributes = new Attributes(view, start + MESSAGE_BYTES, end);
  while (attributes.next()) {
    if (attributes.type !== ATTRIBUTE.info) continue;
    record = connectionRecord(state, view, start, attributes.offset, attributes.length);
  }
  return record ?? { state, ...identityOf(view, start) };
}

function identityOf(view: DataView, start: number) {
  return {
    local: localOf(view, start),
    remote: remoteOf(view, start),
    inode: inodeOrNone(view.getUint32(start + 68, true)),
    cookie: cookieOf(view, start),
  };
}

/**
 * Reads a `struct mptcp_info` (uapi/linux/mptcp.h) of 40, 48, 80, 88 or 96 bytes, or of a later kernel. The queue is
 * taken from the sequence numbers, because idiag_wqueue and idiag_rqueue of an MPTCP socket are buffer memory.
 */
function connectionRecord(
  state: TcpState,
  view: DataView,
  start: number,
  offset: number,
  length: number,
): ConnectionRecord {
  if (length > MPTCP_INFO_MAX_BYTES) {
    throw new ExporterError('not_tcp_info', 'this kernel answers a request for MPTCP sockets with its TCP sockets', {
      remedy: 'Use Linux 5.10 or later.',
    });
  }
  if (length < MPTCP_INFO_MIN_BYTES) {
    throw new ExporterError('truncated', `mptcp_info of ${length} bytes, at least ${MPTCP_INFO_MIN_BYTES} expected`);
  }
  const flags = view.getUint32(offset + 8, true);
  const hasBytes = length >= 80;
  const hasAges = length >= 96;
  const age = (at: number) => (hasAges ? view.getUint32(offset + at, true) / 1e3 : undefined);
  const bytes = (at: number) => (hasBytes ? u64(view, offset + at) : undefined);
  const { local, remote, inode, cookie } = identityOf(view, start);
  return {
    state,
    local,
    remote,
    inode,
    cookie,
    token: view.getUint32(offset + 12, true) || undefined,
    fallback: (flags & 1) !== 0,
    remoteKeyReceived: (flags & 2) !== 0,
    additionalSubflows: view.getUint8(offset),
    totalSubflows: length > 80 ? view.getUint8(offset + 80) : undefined,
    sendQueueBytes: outstandingBytes(view, offset + 16, offset + 24),
    retransmittedBytes: bytes(48),
    sentBytes: bytes(56),
    receivedBytes: bytes(64),
    acknowledgedBytes: bytes(72),
    lastDataSentSeconds: age(84),
    lastDataReceivedSeconds: age(88),
    lastAcknowledgementSeconds: age(92),
  };
}

/** write_seq minus snd_una, both of which wrap at 2^64; not below 0. */
function outstandingBytes(view: DataView, writeSequence: number, unacknowledged: number): number {
  const low = view.getUint32(writeSequence, true) - view.getUint32(unacknowledged, true);
  const high = (view.getUint32(writeSequence + 4, true) - view.getUint32(unacknowledged + 4, true)) | 0;
  return Math.max(0, high * 0x1_0000_0000 + low);
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
    const state = socketState(view, start, end);
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
    const inode = view.getUint32(start + 68, true);
    if (ulp !== 'mptcp' && (ulp !== undefined || !connectionInodes.has(inode))) return undefined;
    if (LEFT_OUT.has(state)) return undefined;
    const record: Writable<SubflowRecord> = {
      state,
      local: localOf(view, start),
      remote: remoteOf(view, start),
      inode: inodeOrNone(inode),
      cookie: cookieOf(view, start),
      token: undefined,
      localId: undefined,
      remoteId: undefined,
      flags: undefined,
      boundInterfaceIndex: view.getUint32(start + 40, true) || undefined,
      sendQueueBytes: view.getUint32(start + 60, true),
      tcp: tcpInfoAt(view, info, infoLength, congestionControl),
    };
    if (isSubflow) decodeSubflowAttributes(record, subflowParts);
    return record;
  };
}

/** MPTCP_SUBFLOW_ATTR_* (uapi/linux/mptcp.h). TOKEN_REM is 0 on many subflows and never a key, so it is not read. */
function decodeSubflowAttributes(to: Writable<SubflowRecord>, attributes: Attributes): void {
  while (attributes.next()) {
    switch (attributes.type) {
      case SUBFLOW_ATTRIBUTE.tokenLocal:
        to.token = attributes.u32() || undefined;
        break;
      case SUBFLOW_ATTRIBUTE.flags:
        to.flags = attributes.u32();
        break;
      case SUBFLOW_ATTRIBUTE.idRemote:
        to.remoteId = attributes.u8();
        break;
      case SUBFLOW_ATTRIBUTE.idLocal:
        to.localId = attributes.u8();
        break;
    }
  }
}

/** Checks that the row holds a whole inet_diag_msg of a known family, and gives its state. Throws `truncated` or `malformed`. */
export function socketState(view: DataView, start: number, end: number): TcpState {
  requirePayload('inet_diag_msg', start, end, MESSAGE_BYTES);
  const family = view.getUint8(start);
  if (family !== AF_INET && family !== AF_INET6) {
    throw new ExporterError('malformed', `inet_diag_msg of address family ${family}`);
  }
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

/** Inode 0 is a socket that its process has let go. */
function inodeOrNone(inode: number): number | undefined {
  return inode === 0 ? undefined : inode;
}

/** The cookie in an inet_diag_msg that has been checked; INET_DIAG_NOCOOKIE is none. */
export function cookieOf(view: DataView, start: number): number | undefined {
  return isAllOnes64(view, start + 44) ? undefined : u64(view, start + 44);
}
