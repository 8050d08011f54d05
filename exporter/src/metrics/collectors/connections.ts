import type { Connection, TcpState } from '../../mptcp/model.ts';
import { collector } from '../collector.ts';
import { counter, gauge } from '../family.ts';
import { addressLabel, tokenLabel } from '../labels.ts';

/** States an open MPTCP socket can be in; each is reported, so that 0 is told from not known. */
const STATES: readonly TcpState[] = [
  'established',
  'syn_sent',
  'syn_received',
  'fin_wait_1',
  'fin_wait_2',
  'close_wait',
  'last_ack',
  'closing',
  'closed',
];

const LABELS = ['token', 'remote'] as const;

/** MPTCP connections: how many in which state, and the busiest one by one (mptcp_info, sock_diag). */
export const connections = collector(
  'connections',
  ['sockets', 'connections'],
  {
    connections: gauge(
      'mptcp_connections',
      "MPTCP sockets by TCP state; those that fell back to TCP only as fallback, this exporter's own probes among them not at all.",
      ['state'],
    ),
    sent: counter(
      'mptcp_connection_sent_bytes_total',
      'Bytes sent over all subflows, retransmissions included, from mptcp_info.',
      LABELS,
    ),
    received: counter('mptcp_connection_received_bytes_total', 'Bytes received in order, from mptcp_info.', LABELS),
    retransmitted: counter(
      'mptcp_connection_retransmitted_bytes_total',
      'Bytes sent again at the MPTCP level, usually on another subflow, from mptcp_info.',
      LABELS,
    ),
    subflows: gauge('mptcp_connection_subflows', 'Open subflows, the initial one included.', LABELS),
  },
  ({ picture: { snapshot, shownConnections } }, emit) => {
    const { connections: all, connectionsFailure } = snapshot.sockets.value ?? {};
    if (all === undefined || connectionsFailure !== undefined) return;
    const counts = countByState(all);
    for (const state of STATES) emit.connections({ state }, counts.get(state) ?? 0);
    emit.connections({ state: 'fallback' }, counts.get('fallback') ?? 0);
    for (const { socket: connection, subflows } of shownConnections) {
      // Without its token a connection has no name that lasts.
      if (connection.token === undefined) continue;
      const labels = { token: tokenLabel(connection.token), remote: addressLabel(connection.remote) };
      emit.sent(labels, connection.sentBytes);
      emit.received(labels, connection.receivedBytes);
      emit.retransmitted(labels, connection.retransmittedBytes);
      emit.subflows(labels, connection.totalSubflows ?? subflows.length);
    }
  },
);

function countByState(all: readonly Connection[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const {
    socket: { fallback, state },
    own,
  } of all) {
    if (own && fallback === true) continue;
    const name = fallback === true ? 'fallback' : state;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}
