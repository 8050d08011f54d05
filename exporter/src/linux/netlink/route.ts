import { ExporterError } from '../../errors.ts';
import type { InterfaceAddress, InterfaceCounters, NetworkInterface } from '../../mptcp/model.ts';
import { ipv4Text, ipv6Text } from '../address.ts';
import type { NetlinkSocket, Query } from './socket.ts';
import { AF_INET, AF_INET6, Attributes, requirePayload, u64 } from './wire.ts';
import type { Writable } from './writable.ts';

/** NETLINK_ROUTE (uapi/linux/netlink.h). */
export const NETLINK_ROUTE = 0;

/** Message types (uapi/linux/rtnetlink.h): the dump's request and the rows that answer it. */
const LINK = { get: 18, row: 16, gone: 17 } as const;
const ADDRESS = { get: 22, row: 20, gone: 21 } as const;

/** RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR and RTNLGRP_IPV6_IFADDR: who is told when an interface or an address changes. */
export const INTERFACE_GROUPS: readonly number[] = [1, 5, 9];
const CHANGES: ReadonlySet<number> = new Set([LINK.row, LINK.gone, ADDRESS.row, ADDRESS.gone]);

/** `struct ifinfomsg` and `struct ifaddrmsg`; a request of zeros asks for all. */
const LINK_HEADER_BYTES = 16;
const ADDRESS_HEADER_BYTES = 8;

const LINK_ATTRIBUTE = { name: 3, statistics64: 23, carrier: 33, carrierChanges: 35 } as const;
const ADDRESS_ATTRIBUTE = { address: 1, local: 2 } as const;
const FLAG = { up: 1, loopback: 8 } as const;

/** RT_SCOPE_*; others are local inventions, which have no name. */
const SCOPES: ReadonlyMap<number, string> = new Map([
  [0, 'global'],
  [200, 'site'],
  [253, 'link'],
  [254, 'host'],
]);

/** `struct rtnl_link_stats64` up to tx_dropped, the last counter read. */
const COUNTERS_BYTES = 64;

/** One address of one interface, as rtnetlink lists them. */
export interface AddressRow {
  readonly index: number;
  readonly address: InterfaceAddress;
}

/** Reads interfaces with addresses and 64-bit counters, in the kernel's order. Throws {@link ExporterError}. */
export async function readInterfaces(socket: NetlinkSocket): Promise<NetworkInterface[]> {
  const links = await socket.dump(query(LINK, LINK_HEADER_BYTES, 'list the network interfaces', decodeLink));
  const rows = await socket.dump(query(ADDRESS, ADDRESS_HEADER_BYTES, 'list the IP addresses', decodeAddress));
  return links.map((link) => ({
    ...link,
    addresses: rows.filter((row) => row.index === link.index).map((row) => row.address),
  }));
}

function query<T>(
  type: { readonly get: number; readonly row: number },
  headerBytes: number,
  doing: string,
  decode: Query<T>['decode'],
): Query<T> {
  return { type: type.get, payload: new Uint8Array(headerBytes), answer: type.row, decode, doing };
}

/** Whether a message of this type tells of an interface or an address that came, changed or went. */
export function isInterfaceChange(type: number): boolean {
  return CHANGES.has(type);
}

/** Decodes an RTM_NEWLINK row, without addresses. Throws `truncated` or `malformed`. */
export function decodeLink(
  view: DataView,
  start: number,
  end: number,
): Omit<NetworkInterface, 'addresses' | 'index'> & { readonly index: number } {
  requirePayload('ifinfomsg', start, end, LINK_HEADER_BYTES);
  const flags = view.getUint32(start + 8, true);
  let name: string | undefined;
  const rest: Writable<Pick<NetworkInterface, 'carrier' | 'carrierChanges' | 'counters'>> = {};
  const attributes = new Attributes(view, start + LINK_HEADER_BYTES, end);
  while (attributes.next()) {
    switch (attributes.type) {
      case LINK_ATTRIBUTE.name:
        name = attributes.text();
        break;
      case LINK_ATTRIBUTE.statistics64:
        attributes.require(COUNTERS_BYTES);
        rest.counters = decodeCounters(view, attributes.offset);
        break;
      case LINK_ATTRIBUTE.carrier:
        rest.carrier = attributes.u8() !== 0;
        break;
      case LINK_ATTRIBUTE.carrierChanges:
        rest.carrierChanges = attributes.u32();
        break;
    }
  }
  if (name === undefined || name === '') throw new ExporterError('malformed', 'a network interface without a name');
  return {
    name,
    index: view.getUint32(start + 4, true),
    loopback: (flags & FLAG.loopback) !== 0,
    up: (flags & FLAG.up) !== 0,
    ...rest,
  };
}

function decodeCounters(view: DataView, offset: number): InterfaceCounters {
  return {
    receivedBytes: u64(view, offset + 16),
    transmittedBytes: u64(view, offset + 24),
    receiveErrors: u64(view, offset + 32),
    transmitErrors: u64(view, offset + 40),
    receiveDropped: u64(view, offset + 48),
    transmitDropped: u64(view, offset + 56),
  };
}

/**
 * Decodes an RTM_NEWADDR row; undefined for other families. IFA_LOCAL is ours where there is one: on a point-to-point
 * link IFA_ADDRESS is the peer's. Throws `truncated` or `malformed`.
 */
export function decodeAddress(view: DataView, start: number, end: number): AddressRow | undefined {
  requirePayload('ifaddrmsg', start, end, ADDRESS_HEADER_BYTES);
  const family = view.getUint8(start);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  let local: string | undefined;
  let other: string | undefined;
  const attributes = new Attributes(view, start + ADDRESS_HEADER_BYTES, end);
  while (attributes.next()) {
    if (attributes.type !== ADDRESS_ATTRIBUTE.local && attributes.type !== ADDRESS_ATTRIBUTE.address) continue;
    attributes.require(family === AF_INET ? 4 : 16);
    const text = family === AF_INET ? ipv4Text(view, attributes.offset) : ipv6Text(view, attributes.offset);
    if (attributes.type === ADDRESS_ATTRIBUTE.local) local = text;
    else other = text;
  }
  const address = local ?? other;
  if (address === undefined) throw new ExporterError('malformed', 'an interface address without an address');
  const scope = SCOPES.get(view.getUint8(start + 3));
  const prefixLength = view.getUint8(start + 1);
  return {
    index: view.getUint32(start + 4, true),
    address: scope === undefined ? { address, prefixLength } : { address, prefixLength, scope },
  };
}
