import { asExporterError, type ErrorCode, ExporterError } from '../../errors.ts';
import type { ConnectionRecord, SocketRecords, SubflowRecord } from '../../mptcp/model.ts';
import type { Wording } from '../errno.ts';
import {
  connectionDumpRequest,
  type DumpFamily,
  decodeConnection,
  subflowDecoder,
  subflowDumpRequest,
} from './sock-diag.ts';
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

/** What the answer to a request for both families may be where the kernel takes requests for one family only. */
const BY_FAMILY_ONLY: ReadonlySet<ErrorCode> = new Set(['not_supported', 'kernel_refused', 'not_tcp_info']);

/** The kernel's tables of MPTCP and TCP sockets, both dumped at once, in threads of the pool where they are long. */
export class SocketTables {
  readonly #connections: Table;
  readonly #subflows: Table;
  /** Subflows show what they are: their rows can be told from plain TCP without knowing the connections. */
  #ulpShown = false;

  /** `socket` makes a sock_diag socket. */
  constructor(socket: () => NetlinkSocket) {
    this.#connections = new Table(socket);
    this.#subflows = new Table(socket);
  }

  /** Opens a descriptor, to learn early whether that is allowed. Throws {@link ExporterError} by errno. */
  open(): void {
    this.#connections.open();
  }

  /** Gives back the descriptors; a read under way fails. */
  close(): void {
    this.#connections.close();
    this.#subflows.close();
  }

  /**
   * Dumps connections and subflows, IPv4 and IPv6. Connections come first where the kernel hides the ULP, because they tell
   * subflows by inode then. When this kernel cannot list connections at all, subflows come with `connectionsFailure`. Throws
   * {@link ExporterError} as a dump does.
   */
  async read(): Promise<SocketRecords> {
    // First, and elsewhere: it is on its way while the walk of the larger table, of TCP, keeps this thread.
    const first = this.#readConnections();
    const ahead = this.#ulpShown ? this.#readSubflows([]) : undefined;
    ahead?.catch(() => undefined); // awaited below, unless the connections fail first
    try {
      const connections = await first;
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
    return this.#connections.dump((family) => ({
      ...connectionDumpRequest(family),
      ...CONNECTIONS,
      decode: decodeConnection,
      elsewhere: true,
    }));
  }

  #readSubflows(connections: readonly ConnectionRecord[]): Promise<SubflowRecord[]> {
    const inodes = new Set<number>();
    for (const { inode } of connections) if (inode !== undefined) inodes.add(inode);
    return this.#subflows.dump((family) => ({
      ...subflowDumpRequest(family),
      ...SUBFLOWS,
      decode: subflowDecoder(inodes),
    }));
  }
}

/** One protocol's sockets of both families: dumped together, or one family beside the other where the kernel wants that. */
class Table {
  readonly #first: NetlinkSocket;
  readonly #second: NetlinkSocket;
  #together = true;

  constructor(socket: () => NetlinkSocket) {
    this.#first = socket();
    this.#second = socket();
  }

  open(): void {
    this.#first.open();
  }

  close(): void {
    this.#first.close();
    this.#second.close();
  }

  async dump<T>(query: (family: DumpFamily) => Query<T>): Promise<T[]> {
    if (!this.#together) return this.#dumpByFamily(query);
    try {
      return await this.#first.dump(query('both'));
    } catch (caught) {
      if (!BY_FAMILY_ONLY.has(asExporterError(caught).code)) throw caught;
      const rows = await this.#dumpByFamily(query);
      this.#together = false;
      return rows;
    }
  }

  /** A kernel built or booted without IPv6 has no IPv6 sockets, which is no failure; without IPv4 there is no reading. */
  async #dumpByFamily<T>(query: (family: DumpFamily) => Query<T>): Promise<T[]> {
    // The kernel walks the table of both families for either, to find few sockets of IPv6 as a rule.
    const later = this.#second.dump({ ...query(AF_INET6), elsewhere: true }).catch((error: unknown) => {
      if (error instanceof ExporterError && error.code === 'not_supported') return [];
      throw error;
    });
    const [rows, others] = await Promise.all([this.#first.dump(query(AF_INET)), later]);
    return others.length === 0 ? rows : rows.concat(others);
  }
}
