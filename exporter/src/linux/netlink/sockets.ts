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
interface FamilySockets {
  readonly ipv4: NetlinkSocket;
  readonly ipv6: NetlinkSocket;
}

/**
 * The kernel's tables of MPTCP and TCP sockets. All four dumps run at once, as the kernel walks the whole table for each of
 * them, in threads of the pool where they are long.
 */
export class SocketTables {
  readonly #connections: FamilySockets;
  readonly #subflows: FamilySockets;
  /** Subflows show what they are: their rows can be told from plain TCP without knowing the connections. */
  #ulpShown = false;

  /** `socket` makes a sock_diag socket. */
  constructor(socket: () => NetlinkSocket) {
    this.#connections = { ipv4: socket(), ipv6: socket() };
    this.#subflows = { ipv4: socket(), ipv6: socket() };
  }

  /** Opens a descriptor, to learn early whether that is allowed. Throws {@link ExporterError} by errno. */
  open(): void {
    this.#connections.ipv4.open();
  }

  /** Gives back the descriptors; a read under way fails. */
  close(): void {
    for (const { ipv4, ipv6 } of [this.#connections, this.#subflows]) {
      ipv4.close();
      ipv6.close();
    }
  }

  /**
   * Dumps connections and subflows, IPv4 and IPv6. Connections come first where the kernel hides the ULP, because they tell
   * subflows by inode then. When this kernel cannot list connections at all, subflows come with `connectionsFailure`. Throws
   * {@link ExporterError} as a dump does.
   */
  async read(): Promise<SocketRecords> {
    const ahead = this.#ulpShown ? this.#readSubflows([]) : undefined;
    ahead?.catch(() => undefined); // awaited below, unless the connections fail first
    try {
      const connections = await this.#readConnections();
      const subflows = await (ahead ?? this.#readSubflows(connections));
      const shown = subflows.some(({ token }) => token !== undefined);
      this.#ulpShown = shown || (this.#ulpShown && connections.length === 0);
      return { connections, subflows };
    } catch (caught) {
      const error = asExporterError(caught);
      if (error.code !== 'not_tcp_info') throw error;
      const connectionsFailure = { code: error.code, message: error.line };
      return { connections: [], subflows: await (ahead ?? this.#readSubflows([])), connectionsFailure };
    }
  }

  #readConnections(): Promise<ConnectionRecord[]> {
    return bothFamilies(this.#connections, (family) => ({
      ...connectionDumpRequest(family),
      ...CONNECTIONS,
      decode: decodeConnection,
    }));
  }

  #readSubflows(connections: readonly ConnectionRecord[]): Promise<SubflowRecord[]> {
    const inodes = new Set<number>();
    for (const { inode } of connections) if (inode !== undefined) inodes.add(inode);
    return bothFamilies(this.#subflows, (family) => ({
      ...subflowDumpRequest(family),
      ...SUBFLOWS,
      decode: subflowDecoder(inodes),
    }));
  }
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
