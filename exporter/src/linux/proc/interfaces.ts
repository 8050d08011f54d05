import type { InterfaceAddress, NetworkInterface } from '../../mptcp/model.ts';
import {
  type ConnectedRoute,
  contains,
  type Ipv6Row,
  parseConnectedRoutes,
  parseIpv6Addresses,
  parseLocalIpv4,
} from './address-tables.ts';
import { readDeviceTable } from './device-table.ts';
import { type Ipv4Owner, ownIpv4Addresses } from './own-addresses.ts';
import { isMissing, readText, TABLE_LIMIT } from './read.ts';
import type { Table } from './rows.ts';

const LOOPBACK = 'lo';

/**
 * The interfaces by /proc alone: counters from net/dev, addresses from net/if_inet6 and net/fib_trie, the latter given to interfaces by
 * their connected routes. Carrier and state are not known there. Throws {@link ExporterError} when a table that every kernel has
 * cannot be read.
 */
export async function readInterfaces(procfs: string): Promise<Table<NetworkInterface>> {
  const devices = await readDeviceTable(procfs);
  const ipv6 = await readIpv6(procfs);
  const routes = parseConnectedRoutes(await readText(`${procfs}/net/route`, TABLE_LIMIT));
  const locals = parseLocalIpv4(await readText(`${procfs}/net/fib_trie`, TABLE_LIMIT));
  // A captured tree is not mixed with the machine that it is read on.
  const owners = procfs === '/proc' ? ownIpv4Addresses() : new Map<string, Ipv4Owner>();
  const ipv4 = locals.rows.map((address) => ({ address, owner: ownerOf(address, routes.rows, owners) }));
  return {
    rows: devices.rows.map(({ name, counters }) => {
      const six = ipv6.rows.filter(({ interfaceName }) => interfaceName === name);
      const index = six[0]?.interfaceIndex;
      return {
        name,
        loopback: name === LOOPBACK,
        ...(index !== undefined && { index }),
        addresses: [
          ...ipv4.flatMap(({ address, owner }) => (owner?.interfaceName === name ? [ipv4Address(address, owner)] : [])),
          ...six.map(ipv6Address),
        ],
        counters,
      };
    }),
    malformed: devices.malformed + ipv6.malformed + routes.malformed + locals.malformed,
  };
}

/**
 * The interface that has a local IPv4 address: loopback's by its network, else the one whose connected route, the longest, holds it, else by
 * `owners`. Undefined when two interfaces share that network and `owners` does not know: a guess would put bytes on the wrong path.
 */
export function ownerOf(
  address: string,
  routes: readonly ConnectedRoute[],
  owners: ReadonlyMap<string, Ipv4Owner>,
): Ipv4Owner | undefined {
  if (address.startsWith('127.')) return { interfaceName: LOOPBACK, prefixLength: 8 };
  const holding = routes.filter((route) => route.prefixLength > 0 && contains(route, address));
  const prefixLength = Math.max(...holding.map((route) => route.prefixLength));
  const names = new Set(
    holding.filter((route) => route.prefixLength === prefixLength).map(({ interfaceName }) => interfaceName),
  );
  const [interfaceName] = names;
  return interfaceName === undefined || names.size > 1 ? owners.get(address) : { interfaceName, prefixLength };
}

async function readIpv6(procfs: string): Promise<Table<Ipv6Row>> {
  try {
    return parseIpv6Addresses(await readText(`${procfs}/net/if_inet6`));
  } catch (caught) {
    if (isMissing(caught)) return { rows: [], malformed: 0 };
    throw caught;
  }
}

function ipv4Address(address: string, { interfaceName, prefixLength }: Ipv4Owner): InterfaceAddress {
  return { address, prefixLength, ...(interfaceName === LOOPBACK && { scope: 'host' }) };
}

function ipv6Address({ address, prefixLength, scope }: Ipv6Row): InterfaceAddress {
  return { address, prefixLength, ...(scope !== undefined && { scope }) };
}
