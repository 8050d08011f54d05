import { ExporterError } from '../../errors.ts';
import type { PathManagerEvent, SocketAddress } from '../../mptcp/model.ts';
import { ipv4Text, ipv6Text } from '../address.ts';
import { type GenericFamily, genericAttributes } from './mptcp-pm.ts';
import type { Attributes } from './wire.ts';
import type { Writable } from './writable.ts';

const GROUP_NAME = 'mptcp_pm_events';

/** enum mptcp_event_type (uapi/linux/mptcp_pm.h); the gaps are the kernel's. */
const EVENTS: ReadonlyMap<number, PathManagerEvent['name']> = new Map([
  [1, 'created'],
  [2, 'established'],
  [3, 'closed'],
  [6, 'announced'],
  [7, 'removed'],
  [10, 'subflow_established'],
  [11, 'subflow_closed'],
  [13, 'subflow_priority'],
  [15, 'listener_created'],
  [16, 'listener_closed'],
]);

/** enum mptcp_event_attr (uapi/linux/mptcp_pm.h). Backup (11) is not read: the kernel says 0 for joins that are. */
const ATTRIBUTE = {
  token: 1,
  localId: 3,
  remoteId: 4,
  local4: 5,
  local6: 6,
  remote4: 7,
  remote6: 8,
  localPort: 9,
  remotePort: 10,
  error: 12,
  flags: 13,
  interfaceIndex: 15,
  resetReason: 16,
  serverSide: 18,
} as const;

/** MPTCP_PM_EV_FLAG_SERVER_SIDE, which takes the place of the attribute from 6.18 on. */
const FLAG_SERVER_SIDE = 1 << 1;

/** The multicast group of the events. Throws `not_supported` where the kernel has none. */
export function eventGroup({ groups }: GenericFamily): number {
  const group = groups.get(GROUP_NAME);
  if (group !== undefined) return group;
  throw new ExporterError('not_supported', 'this kernel tells no path-manager events', {
    remedy: 'They take Linux 5.12 or later.',
  });
}

/**
 * Decodes an event of `mptcp_pm` (net/mptcp/pm_netlink.c, mptcp_event); undefined for one of a later kernel. Throws
 * `truncated` or `malformed`.
 */
export function decodePathManagerEvent(view: DataView, start: number, end: number): PathManagerEvent | undefined {
  const attributes = genericAttributes(view, start, end);
  const name = EVENTS.get(view.getUint8(start));
  if (name === undefined) return undefined;
  const event: Writable<PathManagerEvent> = { name };
  const local: Writable<Partial<SocketAddress>> = {};
  const remote: Writable<Partial<SocketAddress>> = {};
  while (attributes.next()) {
    switch (attributes.type) {
      case ATTRIBUTE.local4:
      case ATTRIBUTE.local6:
        local.address = addressOf(view, attributes, ATTRIBUTE.local4);
        break;
      case ATTRIBUTE.remote4:
      case ATTRIBUTE.remote6:
        remote.address = addressOf(view, attributes, ATTRIBUTE.remote4);
        break;
      case ATTRIBUTE.localPort:
        local.port = portOf(view, attributes);
        break;
      case ATTRIBUTE.remotePort:
        remote.port = portOf(view, attributes);
        break;
      default:
        decodeDetail(event, attributes);
    }
  }
  if (isWhole(local)) event.local = local;
  if (isWhole(remote)) event.remote = remote;
  return event;
}

function decodeDetail(to: Writable<PathManagerEvent>, attributes: Attributes): void {
  switch (attributes.type) {
    case ATTRIBUTE.token:
      to.token = attributes.u32();
      break;
    case ATTRIBUTE.localId:
      to.localId = attributes.u8();
      break;
    case ATTRIBUTE.remoteId:
      to.remoteId = attributes.u8();
      break;
    case ATTRIBUTE.error:
      to.error = attributes.u8();
      break;
    case ATTRIBUTE.flags:
      if (attributes.u16() & FLAG_SERVER_SIDE) to.serverSide = true;
      break;
    case ATTRIBUTE.serverSide:
      to.serverSide = attributes.u8() !== 0;
      break;
    case ATTRIBUTE.interfaceIndex: {
      const index = attributes.u32();
      if (index !== 0) to.interfaceIndex = index;
      break;
    }
    case ATTRIBUTE.resetReason:
      to.resetReason = attributes.u32();
      break;
  }
}

function addressOf(view: DataView, attributes: Attributes, type4: number): string {
  const isIpv4 = attributes.type === type4;
  attributes.require(isIpv4 ? 4 : 16);
  return isIpv4 ? ipv4Text(view, attributes.offset) : ipv6Text(view, attributes.offset);
}

/** Network order, unlike an endpoint's. */
function portOf(view: DataView, attributes: Attributes): number {
  attributes.require(2);
  return view.getUint16(attributes.offset);
}

function isWhole(end: Partial<SocketAddress>): end is SocketAddress {
  return end.address !== undefined && end.port !== undefined;
}
