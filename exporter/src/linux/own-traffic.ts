import { ExporterError } from '../errors.ts';
import { ipv4Text, ipv6Text } from './address.ts';
import type { Libc } from './libc.ts';
import { KernelTcpInfo, TCP_INFO_BYTES } from './netlink/tcp-info.ts';
import { AF_INET, AF_INET6 } from './socket-bytes.ts';

const SOL_TCP = 6;
const TCP_INFO = 11;
const TCP_IS_MPTCP = 43;
const SOL_MPTCP = 284;
const MPTCP_TCPINFO = 2;
const MPTCP_SUBFLOW_ADDRS = 3;

/** `struct mptcp_subflow_data` (uapi/linux/mptcp.h), before an array of what is asked for. */
const HEADER_BYTES = 16;
/** `struct mptcp_subflow_addrs`: two addresses with room for any family. */
const ADDRESSES_BYTES = 256;
/** As many as a connection can have at a time, the first one included. */
const MOST_SUBFLOWS = 9;

/** tcpi_segs_out and tcpi_segs_in. */
const SEGMENTS_AT = { out: 136, in: 140 } as const;

/** IPv4 20 or IPv6 40, TCP 20 with 12 of timestamps. */
const HEADERS = { 4: 52, 6: 72 } as const;
/** A data sequence signal (RFC 8684 section 3.3.1), in a segment of a subflow. */
export const MPTCP_OPTION_BYTES = 28;

/** What one TCP socket of ours, or one subflow of an MPTCP socket of ours, has moved. */
export interface OwnTraffic {
  readonly localAddress: string;
  readonly localPort: number;
  /** IP packets with their headers, retransmissions included; received ones as far as they brought something new. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** TCP payload that the other end has acknowledged, and payload received; SYN and FIN count as a byte each. */
  readonly acknowledgedPayloadBytes: number;
  readonly receivedPayloadBytes: number;
  readonly rttSeconds: number | undefined;
}

/**
 * Whether an open socket that was made for MPTCP really is: false once it has fallen back to TCP (RFC 8684 section 3.7).
 * Linux 6.10 tells it (TCP_IS_MPTCP), those from 5.16 on by having subflows to tell of; undefined on earlier ones.
 */
export function isMptcp(libc: Libc, descriptor: number): boolean | undefined {
  try {
    return libc.getsockopt(descriptor, SOL_TCP, TCP_IS_MPTCP) === 1;
  } catch (caught) {
    if (!(caught instanceof ExporterError)) throw caught;
  }
  return mptcpList(libc, descriptor, MPTCP_TCPINFO, TCP_INFO_BYTES) === undefined ? undefined : true;
}

/**
 * What a connected socket of ours has moved so far, by subflow; of plain TCP, or after a fallback, one entry, whose address is
 * `localAddress`. Subflows that have closed are no longer told of. Empty where the kernel refuses.
 */
export function ownTraffic(
  libc: Libc,
  descriptor: number,
  local: { readonly address: string; readonly port: number },
): readonly OwnTraffic[] {
  const infos = mptcpList(libc, descriptor, MPTCP_TCPINFO, TCP_INFO_BYTES);
  const addresses = infos && mptcpList(libc, descriptor, MPTCP_SUBFLOW_ADDRS, ADDRESSES_BYTES);
  if (infos !== undefined && addresses !== undefined) {
    return infos.slice(0, addresses.length).map((info, index) => {
      const { address, port } = localOf(addresses[index] ?? new Uint8Array(ADDRESSES_BYTES));
      return traffic(info, address, port, MPTCP_OPTION_BYTES);
    });
  }
  const info = new Uint8Array(TCP_INFO_BYTES);
  try {
    libc.getsockoptBytes(descriptor, SOL_TCP, TCP_INFO, info);
  } catch (caught) {
    if (!(caught instanceof ExporterError)) throw caught;
    return [];
  }
  return [traffic(info, local.address, local.port, 0)];
}

function traffic(bytes: Uint8Array, localAddress: string, localPort: number, option: number): OwnTraffic {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return trafficOf(view, 0, { localAddress, localPort, option });
}

/** What a `struct tcp_info` tells of a socket's traffic; `option` is what MPTCP adds to the header of a segment. */
export function trafficOf(
  view: DataView,
  at: number,
  { localAddress, localPort, option }: Pick<OwnTraffic, 'localAddress' | 'localPort'> & { readonly option: number },
): OwnTraffic {
  const info = new KernelTcpInfo(view, at, undefined);
  const segment = HEADERS[localAddress.includes(':') ? 6 : 4] + option;
  return {
    localAddress,
    localPort,
    sentBytes: info.sentBytes + segment * view.getUint32(at + SEGMENTS_AT.out, true),
    receivedBytes: info.receivedBytes + segment * view.getUint32(at + SEGMENTS_AT.in, true),
    acknowledgedPayloadBytes: info.acknowledgedBytes,
    receivedPayloadBytes: info.receivedBytes,
    rttSeconds: info.rttSeconds,
  };
}

/** One of the lists that an MPTCP socket gives, an entry per subflow; undefined when it is none, or the kernel older than 5.16. */
function mptcpList(
  libc: Libc,
  descriptor: number,
  option: number,
  entryBytes: number,
): readonly Uint8Array[] | undefined {
  const bytes = new Uint8Array(HEADER_BYTES + MOST_SUBFLOWS * entryBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, HEADER_BYTES, true);
  view.setUint32(12, entryBytes, true);
  try {
    libc.getsockoptBytes(descriptor, SOL_MPTCP, option, bytes);
  } catch (caught) {
    if (!(caught instanceof ExporterError)) throw caught;
    return undefined;
  }
  const subflows = Math.min(view.getUint32(4, true), MOST_SUBFLOWS);
  return Array.from({ length: subflows }, (_, index) => {
    return bytes.slice(HEADER_BYTES + index * entryBytes, HEADER_BYTES + (index + 1) * entryBytes);
  });
}

/** The first of the two `struct sockaddr`. */
function localOf(bytes: Uint8Array): { readonly address: string; readonly port: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, true);
  const port = view.getUint16(2);
  if (family === AF_INET) return { address: ipv4Text(view, 4), port };
  return { address: family === AF_INET6 ? ipv6Text(view, 8) : '', port };
}
