import ipaddr from 'ipaddr.js';
import type { SocketAddress } from '../mptcp/model.ts';
import { canonicalAddress, ipv4Text, ipv6Text } from './address.ts';

/** Address families (bits/socket.h); the same on every Linux platform that Node.js runs on. */
export const AF_INET = 2;
/** See {@link AF_INET}. */
export const AF_INET6 = 10;

const SOL_IP = 0;
const IP_RECVERR = 11;
const SOL_IPV6 = 41;
const IPV6_RECVERR = 25;
const SO_EE_ORIGIN_ICMP = 2;
const SO_EE_ORIGIN_ICMP6 = 3;
/** `struct cmsghdr` and `struct sock_extended_err`, in bytes. */
const CONTROL_HEADER_BYTES = 16;
const EXTENDED_ERROR_BYTES = 16;

/** Socket options that have ICMP messages kept in the error queue (ip(7), ipv6(7)), by address family. */
export const KEEP_ICMP = {
  [AF_INET]: { level: SOL_IP, option: IP_RECVERR },
  [AF_INET6]: { level: SOL_IPV6, option: IPV6_RECVERR },
} as const;

/** `struct sockaddr_in` or `sockaddr_in6` (ip(7), ipv6(7)). An IPv4-mapped address becomes IPv4. Throws `malformed`. */
export function encodeSocketAddress({ address, port }: SocketAddress): Uint8Array {
  const octets = ipaddr.parse(canonicalAddress(address)).toByteArray();
  const isV4 = octets.length === 4;
  const bytes = new Uint8Array(isV4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isV4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  bytes.set(octets, isV4 ? 4 : 8); // before IPv6 stand 4 bytes of flow label; the scope after it comes from the device
  return bytes;
}

/** The family that {@link encodeSocketAddress} has written. */
export function familyOf(bytes: Uint8Array): typeof AF_INET | typeof AF_INET6 {
  return bytes[0] === AF_INET ? AF_INET : AF_INET6;
}

/** An ICMP message about a packet of ours. */
export interface IcmpError {
  readonly type: number;
  readonly code: number;
  readonly version: 4 | 6;
  /** Who sent it; this machine itself when it could not find its neighbour's hardware address. */
  readonly from: string;
}

/** The ICMP message in the first control message of an error queue (`struct sock_extended_err`, uapi/linux/errqueue.h). */
export function decodeIcmpError(control: Uint8Array): IcmpError | undefined {
  const offender = CONTROL_HEADER_BYTES + EXTENDED_ERROR_BYTES;
  if (control.length < offender + 16) return undefined;
  const [origin, type = 0, code = 0] = control.subarray(CONTROL_HEADER_BYTES + 4, CONTROL_HEADER_BYTES + 7);
  const isV4 = familyOf(control.subarray(offender)) === AF_INET;
  if (isV4 && origin === SO_EE_ORIGIN_ICMP) {
    return { type, code, version: 4, from: ipv4Text(control, offender + 4) };
  }
  if (!isV4 && origin === SO_EE_ORIGIN_ICMP6 && control.length >= offender + 24) {
    return { type, code, version: 6, from: ipv6Text(control, offender + 8) };
  }
  return undefined;
}
