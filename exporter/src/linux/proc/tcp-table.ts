import { type SocketAddress, TCP_STATES, type TcpState } from '../../mptcp/model.ts';
import { decimalNumber, hexNumber, hexPair, hexSocketAddress } from './number.ts';
import { isMissing, readText, TABLE_LIMIT } from './read.ts';
import { parseTable, type Table } from './rows.ts';

const HEADING = /^\s*sl\s+local_address\s+rem(ote)?_address\s+st\s+tx_queue\s+rx_queue\s+tr\s+tm->when\s+retrnsmt/;

/** USER_HZ, the unit of the timers in this table, on every architecture that MPTCP runs on. */
const TICKS_PER_SECOND = 100;

/** One TCP socket of /proc/net/tcp or tcp6. */
export interface TcpRow {
  readonly state: TcpState;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** Absent for a socket that no application holds: in TIME_WAIT, closing, or not accepted yet. */
  readonly inode?: number;
  readonly sendQueueBytes: number;
  /** Timeouts in a row of the retransmission timer, each of which doubles it (icsk_retransmits). */
  readonly timeouts: number;
  /** Absent in TIME_WAIT, and before the handshake is complete. */
  readonly retransmissionTimeoutSeconds?: number;
}

/**
 * The rows of /proc/net/tcp or tcp6 (net/ipv4/tcp_ipv4.c, get_tcp4_sock; net/ipv6/tcp_ipv6.c), listening sockets and IPv4-mapped
 * addresses included. Throws {@link ExporterError} `malformed` when it is no such table.
 */
export function parseTcpTable(text: string): Table<TcpRow> {
  return parseTable('the table of TCP sockets', text, [HEADING], parseRow);
}

/** Reads `${procfs}/net/tcp` and `tcp6`; a kernel without IPv6 has only the first. Throws what {@link readText} and {@link parseTcpTable} throw. */
export async function readTcpTables(procfs: string): Promise<Table<TcpRow>> {
  const first = parseTcpTable(await readText(`${procfs}/net/tcp`, TABLE_LIMIT));
  const second = await readTcp6(procfs);
  return { rows: [...first.rows, ...second.rows], malformed: first.malformed + second.malformed };
}

async function readTcp6(procfs: string): Promise<Table<TcpRow>> {
  try {
    return parseTcpTable(await readText(`${procfs}/net/tcp6`, TABLE_LIMIT));
  } catch (caught) {
    if (isMissing(caught)) return { rows: [], malformed: 0 };
    throw caught;
  }
}

function parseRow(words: readonly string[]): TcpRow | undefined {
  const [slot, localText, remoteText, stateCode, queues, timer, timeoutsText, , , inodeText, , , rtoText] = words;
  const local = hexSocketAddress(localText);
  const remote = hexSocketAddress(remoteText);
  const state = TCP_STATES[hexNumber(stateCode, 0xff) ?? 0];
  const queueBytes = hexPair(queues);
  const timeouts = hexNumber(timeoutsText);
  const inode = decimalNumber(inodeText);
  if (
    !slot?.endsWith(':') ||
    local === undefined ||
    remote === undefined ||
    state === undefined ||
    queueBytes === undefined ||
    timer === undefined ||
    timeouts === undefined ||
    inode === undefined
  ) {
    return undefined;
  }
  const ticks = decimalNumber(rtoText);
  return {
    state,
    local,
    remote,
    ...(inode !== 0 && { inode }),
    sendQueueBytes: queueBytes[0],
    timeouts,
    ...(ticks !== undefined && { retransmissionTimeoutSeconds: ticks / TICKS_PER_SECOND }),
  };
}
