import { ExporterError } from '../../errors.ts';
import type { SocketRecords } from '../../mptcp/model.ts';
import type { Run } from './exec.ts';
import { parseConnections, type SsVersions } from './ss-connection.ts';
import { parseSubflows } from './ss-subflow.ts';
import { isAtLeast } from './version.ts';

/** Most text of one dump: `ss` pads every row to the widest, at worst some 2 KiB for each of 32,000 sockets. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Numeric, with tcp_info and details, without header, one line per socket (ss(8)). */
const OPTIONS = 'inHOe';

const NOT_MPTCP = new ExporterError(
  'not_tcp_info',
  'this kernel answers a request for MPTCP sockets with its TCP sockets',
  { remedy: 'Use Linux 5.10 or later.' },
);

const NO_DIAG = new ExporterError('not_supported', 'this kernel lists subflows but no MPTCP sockets', {
  remedy: 'Load the module (modprobe mptcp_diag), or boot a kernel with CONFIG_INET_MPTCP_DIAG.',
});

const COOKIE = / sk:([0-9a-f]{1,16}) /g;

/** What `ss` told, and how many rows did not parse. */
export interface SsSockets {
  readonly sockets: SocketRecords;
  readonly malformed: number;
}

/**
 * Reads the MPTCP sockets and their subflows with `ss -MinHOe` and `ss -tinHOe`, at once. When this kernel cannot list connections,
 * subflows come with `connectionsFailure`. Throws {@link ExporterError}: what {@link Run} throws, and `malformed` when the text is not
 * that of `ss`.
 */
export async function readSs(run: Run, versions: SsVersions, timeoutMs: number): Promise<SsSockets> {
  const bounds = { timeoutMs, maxBytes: MOST_BYTES };
  const dump = async (): Promise<SsSockets> => {
    const texts = [run('ss', [`-M${OPTIONS}`], bounds), run('ss', [`-t${OPTIONS}`], bounds)] as const;
    return parseSs(...(await Promise.all(texts)), versions);
  };
  const first = await dump();
  if (!lacksConnections(first)) return first;
  // `ss` keeps silent about a dump that the kernel refused. The first connection may have opened in between, so look again.
  const second = await dump();
  return lacksConnections(second) ? withoutConnections(second, NO_DIAG) : second;
}

/** Reads the text of `ss -M` and `ss -t`. Throws `malformed`. */
export function parseSs(connectionText: string, subflowText: string, versions: SsVersions): SsSockets {
  // Kernels 5.7 to 5.9 answer a request for MPTCP sockets with their TCP sockets (multipath-tcp/mptcp_net-next issue 149).
  if (!isAtLeast(versions.kernel, 5, 10) && haveSocketInCommon(connectionText, subflowText)) {
    return withoutConnections(parseSs('', subflowText, versions), NOT_MPTCP);
  }
  const connections = parseConnections(connectionText, versions);
  const inodes = new Set(connections.records.flatMap(({ inode }) => (inode === undefined ? [] : [inode])));
  const subflows = parseSubflows(subflowText, inodes);
  return {
    sockets: { connections: connections.records, subflows: subflows.records },
    malformed: connections.malformed + subflows.malformed,
  };
}

function lacksConnections({ sockets: { connections, subflows, connectionsFailure } }: SsSockets): boolean {
  const subflowsOnly = connections.length === 0 && subflows.some(({ state }) => state === 'established');
  return subflowsOnly && connectionsFailure === undefined;
}

function withoutConnections({ sockets, malformed }: SsSockets, error: ExporterError): SsSockets {
  const connectionsFailure = { code: error.code, message: error.line };
  return { sockets: { ...sockets, connectionsFailure }, malformed };
}

function haveSocketInCommon(connectionText: string, subflowText: string): boolean {
  const tcp = new Set(cookies(subflowText));
  return cookies(connectionText).some((cookie) => tcp.has(cookie));
}

function cookies(text: string): string[] {
  return [...text.matchAll(COOKIE)].map(([, cookie = '']) => cookie);
}
