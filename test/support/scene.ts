import { assemble } from '../../exporter/src/mptcp/assemble.ts';
import {
  type ConnectionRecord,
  type NetworkInterface,
  type PathRule,
  type Reading,
  type Snapshot,
  SUBFLOW_FLAG,
  type SubflowRecord,
} from '../../exporter/src/mptcp/model.ts';
import { pathMatcher } from '../../exporter/src/mptcp/path-rules.ts';

/** Flags of a joined subflow as a client sees it in normal use. */
export const JOINED = SUBFLOW_FLAG.joinLocal | SUBFLOW_FLAG.joinRemote | SUBFLOW_FLAG.fullyEstablished;

/** Flags of an initial subflow as a client sees it in normal use. */
export const INITIAL = SUBFLOW_FLAG.capableLocal | SUBFLOW_FLAG.capableRemote | SUBFLOW_FLAG.fullyEstablished;

/** An MPTCP socket with everything a test does not care about filled in. */
export function connection(token: number, overrides: Partial<ConnectionRecord> = {}): ConnectionRecord {
  return {
    state: 'established',
    local: { address: '10.77.1.1', port: 40_000 },
    remote: { address: '10.77.1.2', port: 7001 },
    cookie: 1_000_000 + token,
    token,
    fallback: false,
    ...overrides,
  };
}

/** A subflow from `address`, with everything a test does not care about filled in. */
export function subflow(
  token: number,
  address: string,
  { cookie, sent, received, ...overrides }: Partial<SubflowRecord> & { sent?: number; received?: number } = {},
): SubflowRecord {
  return {
    state: 'established',
    local: { address, port: 40_000 },
    remote: { address: '10.77.1.2', port: 7001 },
    ...(cookie !== undefined && { cookie }),
    token,
    flags: INITIAL,
    tcp: { sentBytes: sent ?? 0, receivedBytes: received ?? 0, retransmittedBytes: 0, acknowledgedBytes: sent ?? 0 },
    ...overrides,
  };
}

/** An interface with one IPv4 and one IPv6 address of the fixtures' plan. */
export function networkInterface(
  name: string,
  link: number,
  overrides: Partial<NetworkInterface> = {},
): NetworkInterface {
  return {
    name,
    index: 10 + link,
    loopback: false,
    up: true,
    carrier: true,
    addresses: [
      { address: `10.77.${link}.1`, prefixLength: 24, scope: 'global' },
      { address: `fd77:${link}::1`, prefixLength: 64, scope: 'global' },
      { address: 'fe80::1', prefixLength: 64, scope: 'link' },
    ],
    ...overrides,
  };
}

/** Loopback and the scene's two uplinks. */
export const INTERFACES: readonly NetworkInterface[] = [
  { name: 'lo', index: 1, loopback: true, addresses: [{ address: '127.0.0.1', prefixLength: 8, scope: 'host' }] },
  networkInterface('eth0', 1),
  networkInterface('wlan0', 2),
];

/** A reading of these sockets at this second. */
export function reading(
  sockets: { connections?: readonly ConnectionRecord[]; subflows?: readonly SubflowRecord[] },
  overrides: Partial<Reading> = {},
): Reading {
  return {
    source: 'netlink',
    kernel: 'upstream',
    monotonicSeconds: 0,
    sockets: { value: { connections: sockets.connections ?? [], subflows: sockets.subflows ?? [] } },
    interfaces: { value: INTERFACES },
    capabilities: new Map(),
    incidents: [],
    ...overrides,
  };
}

/** The reading, joined. */
export function snapshot(one: Reading, rules: readonly PathRule[] = [], previous?: Snapshot): Snapshot {
  return assemble(one, { rules, match: pathMatcher(rules), previous });
}
