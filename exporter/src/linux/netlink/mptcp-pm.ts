import { ExporterError } from '../../errors.ts';
import type { PathManager, PathManagerEndpoint, PathManagerLimits } from '../../mptcp/model.ts';
import { ipv4Text, ipv6Text } from '../address.ts';
import type { NetlinkSocket, Query } from './socket.ts';
import { Attributes, encodeAttribute, requirePayload } from './wire.ts';
import type { Writable } from './writable.ts';

/** NETLINK_GENERIC (uapi/linux/netlink.h). */
export const NETLINK_GENERIC = 16;

/** The controller, which knows the other families (uapi/linux/genetlink.h). */
const CONTROLLER = { id: 16, version: 1, getFamily: 3 } as const;
const CONTROL_ATTRIBUTE = { familyId: 1, familyName: 2, multicastGroups: 7 } as const;
const GROUP_ATTRIBUTE = { name: 1, id: 2 } as const;

/** `struct genlmsghdr`: command, version, reserved. */
const GENERIC_HEADER_BYTES = 4;

/** The in-kernel path manager's family (uapi/linux/mptcp_pm.h). */
const FAMILY_NAME = 'mptcp_pm';
const FAMILY_VERSION = 1;
const COMMAND = { getAddress: 3, getLimits: 6 } as const;
const ATTRIBUTE = { address: 1, receivedAddAddresses: 2, subflows: 3 } as const;
const ADDRESS_ATTRIBUTE = { id: 2, address4: 3, address6: 4, port: 5, flags: 6, interfaceIndex: 7 } as const;

/** MPTCP_PM_ADDR_FLAG_*, from bit 0 on. */
const ENDPOINT_FLAGS = ['signal', 'subflow', 'backup', 'fullmesh', 'implicit', 'laminar'] as const;

/** What to do about a family that cannot be asked. */
export const REMEDIES = {
  not_supported: 'This needs a kernel with CONFIG_MPTCP, Linux 5.6 or later.',
  permission_denied: 'Run as root or with CAP_NET_ADMIN.',
} as const;

/** A generic netlink family: what its messages and its multicast groups are numbered on this machine. */
export interface GenericFamily {
  readonly id: number;
  readonly groups: ReadonlyMap<string, number>;
}

/** Looks up the numbers of `mptcp_pm`. Throws `not_supported` where the kernel has no such family. */
export function resolveFamily(socket: NetlinkSocket): Promise<GenericFamily> {
  const name = encodeAttribute(CONTROL_ATTRIBUTE.familyName, new TextEncoder().encode(`${FAMILY_NAME}\0`));
  return socket.request({
    type: CONTROLLER.id,
    payload: genericPayload(CONTROLLER.getFamily, CONTROLLER.version, name),
    answer: CONTROLLER.id,
    decode: decodeFamily,
    doing: 'find the mptcp_pm netlink family',
    remedies: REMEDIES,
  });
}

/** Reads endpoints and limits. Throws {@link ExporterError}, `not_supported` or `permission_denied` among others. */
export async function readPathManager(socket: NetlinkSocket, family: GenericFamily): Promise<PathManager> {
  const query = <T>(command: number, doing: string, decode: Query<T>['decode']): Query<T> => ({
    type: family.id,
    payload: genericPayload(command, FAMILY_VERSION),
    answer: family.id,
    decode,
    doing,
    remedies: REMEDIES,
  });
  const endpoints = await socket.dump(query(COMMAND.getAddress, 'read the path-manager endpoints', decodeEndpoint));
  const limits = await socket.request(query(COMMAND.getLimits, 'read the path-manager limits', decodeLimits));
  return { endpoints, limits };
}

function genericPayload(command: number, version: number, attributes: Uint8Array = new Uint8Array()): Uint8Array {
  const payload = new Uint8Array(GENERIC_HEADER_BYTES + attributes.length);
  payload.set([command, version]);
  payload.set(attributes, GENERIC_HEADER_BYTES);
  return payload;
}

/** The attributes after a `struct genlmsghdr`. Throws `truncated`. */
export function genericAttributes(view: DataView, start: number, end: number): Attributes {
  requirePayload('genlmsghdr', start, end, GENERIC_HEADER_BYTES);
  return new Attributes(view, start + GENERIC_HEADER_BYTES, end);
}

/** Decodes the answer to CTRL_CMD_GETFAMILY. Throws `truncated` or `malformed`. */
export function decodeFamily(view: DataView, start: number, end: number): GenericFamily {
  const attributes = genericAttributes(view, start, end);
  const groups = new Map<string, number>();
  let id: number | undefined;
  while (attributes.next()) {
    if (attributes.type === CONTROL_ATTRIBUTE.familyId) id = attributes.u16();
    else if (attributes.type === CONTROL_ATTRIBUTE.multicastGroups) {
      const entries = attributes.nested();
      while (entries.next()) addGroup(groups, entries.nested());
    }
  }
  if (id === undefined) throw new ExporterError('malformed', 'a generic netlink family without an id');
  return { id, groups };
}

function addGroup(groups: Map<string, number>, attributes: Attributes): void {
  let name: string | undefined;
  let id: number | undefined;
  while (attributes.next()) {
    if (attributes.type === GROUP_ATTRIBUTE.name) name = attributes.text();
    else if (attributes.type === GROUP_ATTRIBUTE.id) id = attributes.u32();
  }
  if (name !== undefined && id !== undefined) groups.set(name, id);
}

/** Decodes a row of the GET_ADDR dump. Throws `truncated` or `malformed`, the latter also for an endpoint without id or address. */
export function decodeEndpoint(view: DataView, start: number, end: number): PathManagerEndpoint {
  const attributes = genericAttributes(view, start, end);
  while (attributes.next()) {
    if (attributes.type === ATTRIBUTE.address) return decodeAddress(view, attributes.nested());
  }
  throw new ExporterError('malformed', 'a path-manager endpoint without attributes');
}

function decodeAddress(view: DataView, attributes: Attributes): PathManagerEndpoint {
  let id: number | undefined;
  let address: string | undefined;
  const rest: Writable<Pick<PathManagerEndpoint, 'port' | 'interfaceIndex' | 'flags'>> = { flags: [] };
  while (attributes.next()) {
    switch (attributes.type) {
      case ADDRESS_ATTRIBUTE.id:
        id = attributes.u8();
        break;
      case ADDRESS_ATTRIBUTE.address4:
        attributes.require(4);
        address = ipv4Text(view, attributes.offset);
        break;
      case ADDRESS_ATTRIBUTE.address6:
        attributes.require(16);
        address = ipv6Text(view, attributes.offset);
        break;
      case ADDRESS_ATTRIBUTE.port: {
        const port = attributes.u16(); // host order, unlike a socket's
        if (port !== 0) rest.port = port;
        break;
      }
      case ADDRESS_ATTRIBUTE.flags:
        rest.flags = flagNames(attributes.u32());
        break;
      case ADDRESS_ATTRIBUTE.interfaceIndex: {
        const index = attributes.u32();
        if (index !== 0) rest.interfaceIndex = index;
        break;
      }
    }
  }
  if (id === undefined || address === undefined) {
    throw new ExporterError('malformed', 'a path-manager endpoint without id or address');
  }
  return { id, address, ...rest };
}

function flagNames(bits: number): string[] {
  const names: string[] = [];
  for (let bit = 0; bit < 32; bit += 1) {
    const flag = (1 << bit) >>> 0;
    if (bits & flag) names.push(ENDPOINT_FLAGS[bit] ?? `0x${flag.toString(16)}`);
  }
  return names;
}

/** Decodes the answer to GET_LIMITS. Throws `truncated` or `malformed`, the latter also when a limit is missing. */
export function decodeLimits(view: DataView, start: number, end: number): PathManagerLimits {
  const attributes = genericAttributes(view, start, end);
  let subflows: number | undefined;
  let addAddrAccepted: number | undefined;
  while (attributes.next()) {
    if (attributes.type === ATTRIBUTE.subflows) subflows = attributes.u32();
    else if (attributes.type === ATTRIBUTE.receivedAddAddresses) addAddrAccepted = attributes.u32();
  }
  if (subflows === undefined || addAddrAccepted === undefined) {
    throw new ExporterError('malformed', 'path-manager limits without both limits');
  }
  return { subflows, addAddrAccepted };
}
