import type { Reflector } from '../reflector/reflector.ts';
import { SERVICES } from '../reflector/tally.ts';
import { counter, emitterInto, type Family, type FamilyLines, gauge, linesOf } from './family.ts';
import { type BuildInfo, type Exposition, renderFamilies } from './registry.ts';
import { BUILD_INFO } from './self.ts';

const FAMILIES = {
  build: BUILD_INFO,
  requests: counter(
    'mptcp_reflector_requests_total',
    'Transfers and echoes by how they ended, or why they were refused; over UDP each datagram.',
    ['service', 'outcome'],
  ),
  sent: counter('mptcp_reflector_sent_bytes_total', 'Payload sent to probes.', ['service']),
  received: counter('mptcp_reflector_received_bytes_total', 'Payload received from probes.', ['service']),
  connections: gauge('mptcp_reflector_connections', 'Open TCP and MPTCP connections.'),
  refused: counter('mptcp_reflector_refused_connections_total', 'Connections turned away beyond the limit.'),
  mptcp: gauge('mptcp_reflector_mptcp', '1 when the address is listened on over MPTCP, 0 when over TCP alone.', [
    'address',
  ]),
} as const;

/** What a reflector exposes, as the exporter's catalogue lists its own. */
export const REFLECTOR_FAMILIES: readonly Family[] = Object.values(FAMILIES);

/** What a reflector has done so far, in the Prometheus text format. */
export function renderReflector(reflector: Reflector, build: BuildInfo): Promise<Exposition> {
  const collected: FamilyLines[] = [];
  const open = <L extends string>(family: Family<L>) => {
    const lines = linesOf(family);
    collected.push(lines);
    return emitterInto<L>(lines);
  };
  open(FAMILIES.build)({ ...build, node: process.version }, 1);
  const requests = open(FAMILIES.requests);
  for (const { service, outcome, count } of reflector.tally.requests()) requests({ service, outcome }, count);
  const [sent, received] = [open(FAMILIES.sent), open(FAMILIES.received)];
  for (const service of SERVICES) {
    const bytes = reflector.tally.bytes(service);
    sent({ service }, bytes.sent);
    received({ service }, bytes.received);
  }
  open(FAMILIES.connections)({}, reflector.connections);
  open(FAMILIES.refused)({}, reflector.tally.refusedConnections);
  const mptcp = open(FAMILIES.mptcp);
  for (const { host, port, withoutMptcp } of reflector.addresses) {
    mptcp({ address: `${host.includes(':') ? `[${host}]` : host}:${port}` }, withoutMptcp === undefined ? 1 : 0);
  }
  return renderFamilies(collected);
}
