import { asExporterError, ExporterError } from '../../errors.ts';
import type { ConnectionRecord, SocketRecords, SubflowRecord } from '../../mptcp/model.ts';
import type { Wording } from '../errno.ts';
import { connectionDumpRequest, decodeConnection, subflowDecoder, subflowDumpRequest } from './sock-diag.ts';
import type { NetlinkSocket, Query } from './socket.ts';
import { AF_INET, AF_INET6 } from './wire.ts';

const CONNECTIONS: Wording = {
  doing: 'dump the MPTCP sockets',
  remedies: {
    not_supported:
      'Load the module (modprobe mptcp_diag), or boot a kernel with CONFIG_MPTCP and CONFIG_INET_MPTCP_DIAG.',
  },
};
const SUBFLOWS: Wording = {
  doing: 'dump the TCP sockets',
  remedies: { not_supported: 'Load the module (modprobe tcp_diag), or boot a kernel with CONFIG_INET_DIAG.' },
};

/** One netlink socket for each family, so that both can be asked at once. */
export interface FamilySockets {
  readonly ipv4: NetlinkSocket;
  readonly ipv6: NetlinkSocket;
}

/**
 * Dumps connections and subflows, IPv4 and IPv6 at once, back to back so that they fit together. Connections come first,
 * because they tell subflows by inode where the kernel hides the ULP. When this kernel cannot list connections at all, subflows
 * come with `connectionsFailure`. Throws {@link ExporterError} as a dump does.
 */
export async function readSockets(sockets: FamilySockets): Promise<SocketRecords> {
  try {
    const connections = await readConnections(sockets);
    return { connections, subflows: await readSubflows(sockets, connections) };
  } catch (caught) {
    const error = asExporterError(caught);
    if (error.code !== 'not_tcp_info') throw error;
    const connectionsFailure = { code: error.code, message: error.line };
    return { connections: [], subflows: await readSubflows(sockets, []), connectionsFailure };
  }
}

function readConnections(sockets: FamilySockets): Promise<ConnectionRecord[]> {
  return bothFamilies(sockets, (family) => ({
    ...connectionDumpRequest(family),
    ...CONNECTIONS,
    decode: decodeConnection,
  }));
}

function readSubflows(sockets: FamilySockets, connections: readonly ConnectionRecord[]): Promise<SubflowRecord[]> {
  const inodes = new Set<number>();
  for (const { inode } of connections) if (inode !== undefined) inodes.add(inode);
  return bothFamilies(sockets, (family) => ({
    ...subflowDumpRequest(family),
    ...SUBFLOWS,
    decode: subflowDecoder(inodes),
  }));
}

/** A kernel built or booted without IPv6 has no IPv6 sockets, which is no failure; without IPv4 there is no reading. */
async function bothFamilies<T>({ ipv4, ipv6 }: FamilySockets, query: (family: number) => Query<T>): Promise<T[]> {
  // The kernel walks the table of both families for either, to find few sockets of IPv6 as a rule.
  const later = ipv6.dump({ ...query(AF_INET6), elsewhere: true }).catch((error: unknown) => {
    if (error instanceof ExporterError && error.code === 'not_supported') return [];
    throw error;
  });
  const [rows, others] = await Promise.all([ipv4.dump(query(AF_INET)), later]);
  return others.length === 0 ? rows : rows.concat(others);
}
