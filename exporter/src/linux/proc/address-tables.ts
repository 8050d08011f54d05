import { isIPv4 } from 'node:net';
import { ExporterError } from '../../errors.ts';
import type { InterfaceAddress } from '../../mptcp/model.ts';
import { ipv6Text } from '../address.ts';
import { decimalNumber, hexAddress, hexNumber } from './number.ts';
import { parseTable, type Table, wordsOf } from './rows.ts';

/** An IPv6 address and the interface that has it. */
export interface Ipv6Row extends InterfaceAddress {
  readonly interfaceName: string;
  readonly interfaceIndex: number;
}

/** A destination that an interface reaches without a gateway. */
export interface ConnectedRoute {
  readonly interfaceName: string;
  readonly network: string;
  readonly prefixLength: number;
}

/** IPV6_ADDR_SCOPE_MASK (include/net/ipv6.h). */
const SCOPES: ReadonlyMap<number, string> = new Map([
  [0x00, 'global'],
  [0x10, 'host'],
  [0x20, 'link'],
  [0x40, 'site'],
]);

/** The rows of /proc/net/if_inet6 (net/ipv6/addrconf.c, if6_seq_show). Throws {@link ExporterError} `malformed` when no row can be read. */
export function parseIpv6Addresses(text: string): Table<Ipv6Row> {
  return parseTable('the table of IPv6 addresses', text, [], parseIpv6Row);
}

function parseIpv6Row(words: readonly string[]): Ipv6Row | undefined {
  const [hex, indexText, prefixText, scopeText, flags, interfaceName, surplus] = words;
  const interfaceIndex = hexNumber(indexText);
  const prefixLength = hexNumber(prefixText, 128);
  const scopeBits = hexNumber(scopeText, 0xff);
  if (
    hex === undefined ||
    !/^[0-9a-f]{32}$/.test(hex) ||
    interfaceIndex === undefined ||
    prefixLength === undefined ||
    scopeBits === undefined ||
    flags === undefined ||
    interfaceName === undefined ||
    surplus !== undefined
  ) {
    return undefined;
  }
  const scope = SCOPES.get(scopeBits & 0xf0);
  const address = ipv6Text(Buffer.from(hex, 'hex'), 0);
  return { interfaceName, interfaceIndex, address, prefixLength, ...(scope !== undefined && { scope }) };
}

const ROUTES_HEADING = /^Iface\s+Destination\s+Gateway\s+Flags\s+RefCnt\s+Use\s+Metric\s+Mask\s/;
const ROUTE_UP = 0x1;
const ROUTE_GATEWAY = 0x2;

/**
 * The connected routes of /proc/net/route (net/ipv4/fib_trie.c, fib_route_seq_show), which are what is left to tell whose an IPv4
 * address is. Throws {@link ExporterError} `malformed` when it is no such table.
 */
export function parseConnectedRoutes(text: string): Table<ConnectedRoute> {
  const { rows, malformed } = parseTable('the routing table', text, [ROUTES_HEADING], parseRouteRow);
  return { rows: rows.flatMap((row) => row ?? []), malformed };
}

/** Null for a route through a gateway, or one that is not in use. */
function parseRouteRow(words: readonly string[]): ConnectedRoute | null | undefined {
  const [interfaceName, destination, gateway, flagText, , , , maskText] = words;
  const network = hexAddress(destination ?? '');
  const flags = hexNumber(flagText);
  const prefixLength = prefixOf(hexAddress(maskText ?? ''));
  if (interfaceName === undefined || network === undefined || gateway === undefined) return undefined;
  if (flags === undefined || prefixLength === undefined) return undefined;
  if ((flags & ROUTE_UP) === 0 || (flags & ROUTE_GATEWAY) !== 0 || interfaceName === '*') return null;
  return { interfaceName, network, prefixLength };
}

function prefixOf(mask: string | undefined): number | undefined {
  if (mask?.includes(':') !== false) return undefined;
  const word = ipv4Number(mask);
  const prefixLength = Math.clz32(~word >>> 0);
  return word === ipv4Mask(prefixLength) ? prefixLength : undefined;
}

/**
 * The machine's own IPv4 addresses by /proc/net/fib_trie (net/ipv4/fib_trie.c, fib_trie_seq_show): every leaf with a `/32 host LOCAL`
 * entry, each once. Throws {@link ExporterError} `malformed` when it is no such listing.
 */
export function parseLocalIpv4(text: string): Table<string> {
  if (!/^(Main|Local|Id \d+):/.test(text)) {
    throw new ExporterError('malformed', 'the listing of IPv4 routes has an unknown heading');
  }
  const addresses = new Set<string>();
  let malformed = 0;
  let leaf: string | undefined;
  for (const line of text.split('\n')) {
    const words = wordsOf(line);
    if (words[0] === '|--') leaf = words[1];
    else if (words[0] === '+--') leaf = undefined;
    else if (leaf !== undefined && words.join(' ') === '/32 host LOCAL') {
      if (isIPv4(leaf)) addresses.add(leaf);
      else malformed++;
    }
  }
  return { rows: [...addresses], malformed };
}

/** True when the IPv4 `address` lies in the network. */
export function contains(route: ConnectedRoute, address: string): boolean {
  const mask = ipv4Mask(route.prefixLength);
  return (ipv4Number(address) & mask) === (ipv4Number(route.network) & mask);
}

function ipv4Mask(prefixLength: number): number {
  return prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0;
}

function ipv4Number(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + (decimalNumber(part) ?? 0), 0) >>> 0;
}
