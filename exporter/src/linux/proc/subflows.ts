import type { ConnectionRecord, SocketAddress, SubflowRecord, TcpState } from '../../mptcp/model.ts';
import type { TcpRow } from './tcp-table.ts';

/** Rows that are no open subflow: a listener, a handshake of a listener, what is left of a closed socket. */
const NO_SUBFLOW: ReadonlySet<TcpState> = new Set(['listen', 'new_syn_received', 'time_wait', 'closed']);

/**
 * Picks the subflows of `connections` out of all TCP sockets of an out-of-tree kernel, whose tables do not say which are.
 *
 * A row is a subflow when
 * 1. its inode is that of an MPTCP socket: the kernel points every subflow at the MPTCP socket's own `struct socket` (sk_set_socket
 *    in mptcp_rcv_synsent_state_process, mptcp_init4_subsockets and mptcp_check_req_child), and a plain TCP socket has its own; or
 * 2. its addresses and ports are those of an MPTCP socket and one of the two has no inode, as before accept(): they are the initial
 *    subflow's.
 *
 * Rule 2 does not count the MPTCP socket itself: mptcp_create_master_sk takes it out of the hash that /proc/net/tcp walks and puts
 * the initial subflow there in its place. What cannot be decided is left out, and shows as fewer subflows than `totalSubflows`: a join
 * to a connection that the application has not accepted. After close() the kernel drops the connection from its table at once.
 */
export function selectSubflows(connections: readonly ConnectionRecord[], rows: readonly TcpRow[]): SubflowRecord[] {
  const byInode = new Map<number, ConnectionRecord>();
  const byAddresses = new Map<string, ConnectionRecord>();
  for (const connection of connections) {
    if (connection.inode !== undefined) byInode.set(connection.inode, connection);
    byAddresses.set(addressesKey(connection), connection);
  }
  // The kernel prints a page at a time: a row can come twice when another one before it has gone in between.
  const subflows = new Map<string, SubflowRecord>();
  for (const row of rows) {
    if (NO_SUBFLOW.has(row.state)) continue;
    const key = addressesKey(row);
    const connection =
      (row.inode === undefined ? undefined : byInode.get(row.inode)) ?? unheld(byAddresses.get(key), row);
    if (connection !== undefined) subflows.set(key, subflowRecord(row, connection));
  }
  return [...subflows.values()];
}

function unheld(connection: ConnectionRecord | undefined, row: TcpRow): ConnectionRecord | undefined {
  return row.inode === undefined || connection?.inode === undefined ? connection : undefined;
}

function addressesKey({ local, remote }: { readonly local: SocketAddress; readonly remote: SocketAddress }): string {
  return `${local.address} ${local.port} ${remote.address} ${remote.port}`;
}

function subflowRecord(row: TcpRow, connection: ConnectionRecord): SubflowRecord {
  const inode = connection.inode ?? row.inode;
  return {
    state: row.state,
    local: row.local,
    remote: row.remote,
    ...(inode !== undefined && { inode }),
    ...(connection.token !== undefined && { token: connection.token }),
    sendQueueBytes: row.sendQueueBytes,
    tcp: {
      backoff: row.timeouts,
      ...(row.retransmissionTimeoutSeconds !== undefined && {
        retransmissionTimeoutSeconds: row.retransmissionTimeoutSeconds,
      }),
    },
  };
}
