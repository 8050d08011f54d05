import { ExporterError } from '../../errors.ts';
import { type ConnectionRecord, TCP_STATES } from '../../mptcp/model.ts';
import { decimalNumber, hexNumber, hexPair, hexSocketAddress } from './number.ts';
import { isMissing, readText, TABLE_LIMIT } from './read.ts';
import { parseTable, type Table } from './rows.ts';

const HEADING =
  /^\s*sl\s+loc_tok\s+rem_tok\s+v6\s+local_address\s+remote_address\s+st\s+ns\s+tx_queue\s+rx_queue\s+inode/;

/** What the kernel prints for both tokens to a reader without CAP_NET_ADMIN. */
const HIDDEN = 0xffffffff;

/**
 * The out-of-tree kernel's table of MPTCP sockets (net/mptcp/mptcp_ctrl.c, mptcp_pm_seq_show, v0.86 to v0.92 read). It knows no bytes
 * and no ages; the queues are those of the data level. Columns after the inode, which some builds add, are left alone.
 * Throws {@link ExporterError} `malformed` when it is no such table.
 */
export function parseMptcpTable(text: string): Table<ConnectionRecord> {
  return parseTable('the table of MPTCP sockets', text, [HEADING], parseRow);
}

/**
 * Reads the table from `${procfs}/net/mptcp_net/mptcp` or, as older releases have it, `${procfs}/net/mptcp`. Throws
 * {@link ExporterError}: `not_supported` when there is neither, and what {@link readText} and {@link parseMptcpTable} throw.
 */
export async function readMptcpTable(procfs: string): Promise<Table<ConnectionRecord>> {
  for (const name of ['mptcp_net/mptcp', 'mptcp']) {
    try {
      return parseMptcpTable(await readText(`${procfs}/net/${name}`, TABLE_LIMIT));
    } catch (caught) {
      if (!isMissing(caught)) throw caught;
    }
  }
  throw new ExporterError('not_supported', `there is no table of MPTCP sockets under ${procfs}/net`, {
    remedy: 'Use --source=auto, or boot the multipath-tcp.org kernel that the procfs source reads.',
  });
}

function parseRow(words: readonly string[]): ConnectionRecord | undefined {
  const [slot, localToken, remoteToken, , local, remote, stateCode, subflows, queues, inodeText] = words;
  const token = hexNumber(localToken);
  const peerToken = hexNumber(remoteToken);
  const localAddress = hexSocketAddress(local);
  const remoteAddress = hexSocketAddress(remote);
  const state = TCP_STATES[hexNumber(stateCode, 0xff) ?? 0];
  const totalSubflows = hexNumber(subflows, 0xff);
  const queueBytes = hexPair(queues);
  const inode = decimalNumber(inodeText);
  if (
    !slot?.endsWith(':') ||
    token === undefined ||
    peerToken === undefined ||
    localAddress === undefined ||
    remoteAddress === undefined ||
    state === undefined ||
    totalSubflows === undefined ||
    queueBytes === undefined ||
    inode === undefined
  ) {
    return undefined;
  }
  return {
    state,
    local: localAddress,
    remote: remoteAddress,
    // 0: not accepted by the application yet.
    ...(inode !== 0 && { inode }),
    // A real token may be all ones; not both ends' at once.
    ...(!(token === HIDDEN && peerToken === HIDDEN) && { token }),
    totalSubflows,
    sendQueueBytes: queueBytes[0],
    receiveQueueBytes: queueBytes[1],
  };
}
