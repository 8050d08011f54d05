import { asExporterError, ExporterError } from '../../errors.ts';
import type { ConnectionRecord, SocketRecords, SubflowRecord } from '../../mptcp/model.ts';
import type { Wording } from '../errno.ts';
import { connectionDumpRequest, decodeConnection, subflowDecoder, subflowDumpRequest } from './sock-diag.ts';
import type { NetlinkSocket } from './socket.ts';
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

/**
 * Dumps connections and subflows, IPv4 and IPv6, back to back so that they fit together. Connections come first, because
 * they tell subflows by inode where the kernel hides the ULP. When this kernel cannot list connections at all, subflows
 * come with `connectionsFailure`. Throws {@link ExporterError} as a dump does.
 */
export async function readSockets(socket: NetlinkSocket): Promise<SocketRecords> {
  try {
    const connections = await readConnections(socket);
    return { connections, subflows: await readSubflows(socket, connections) };
  } catch (caught) {
    const error = asExporterError(caught);
    if (error.code !== 'not_tcp_info') throw error;
    const connectionsFailure = { code: error.code, message: error.line };
    return { connections: [], subflows: await readSubflows(socket, []), connectionsFailure };
  }
}

function readConnections(socket: NetlinkSocket): Promise<ConnectionRecord[]> {
  return bothFamilies((family) =>
    socket.dump({ ...connectionDumpRequest(family), ...CONNECTIONS, decode: decodeConnection }),
  );
}

function readSubflows(socket: NetlinkSocket, connections: readonly ConnectionRecord[]): Promise<SubflowRecord[]> {
  const inodes = new Set<number>();
  for (const { inode } of connections) if (inode !== undefined) inodes.add(inode);
  return bothFamilies((family) =>
    socket.dump({ ...subflowDumpRequest(family), ...SUBFLOWS, decode: subflowDecoder(inodes) }),
  );
}

/** A kernel built or booted without IPv6 has no IPv6 sockets, which is no failure; without IPv4 there is no reading. */
async function bothFamilies<T>(dump: (family: number) => Promise<T[]>): Promise<T[]> {
  const rows = await dump(AF_INET);
  try {
    return rows.concat(await dump(AF_INET6));
  } catch (error) {
    if (error instanceof ExporterError && error.code === 'not_supported') return rows;
    throw error;
  }
}
