import { SUBFLOW_FLAG, type SubflowRecord, type TcpInfo } from '../../mptcp/model.ts';
import type { Writable } from '../netlink/writable.ts';
import { type Parsed, parseRows, type SsRow } from './ss-row.ts';
import { count, fractionSeconds, hexadecimal, malformed, rate, seconds } from './ss-value.ts';

/** The word that names a socket's upper layer protocol, for a subflow `tcp-ulp-mptcp`. */
const ULP = 'tcp-ulp-';

/** Options that `tcp_stats_print` (iproute2, misc/ss.c) puts before the name of the congestion control. */
const OPTIONS: ReadonlySet<string> = new Set(['ts', 'usec_ts', 'sack', 'ecn', 'ecnseen', 'accecn', 'fastopen']);

/** Bits by the letters of `flags:` (`mptcp_subflow_info` in misc/ss.c). */
const FLAG_LETTERS: ReadonlyMap<string, number> = new Map([
  ['M', SUBFLOW_FLAG.capableRemote],
  ['m', SUBFLOW_FLAG.capableLocal],
  ['J', SUBFLOW_FLAG.joinRemote],
  ['j', SUBFLOW_FLAG.joinLocal],
  ['B', SUBFLOW_FLAG.backupRemote],
  ['b', SUBFLOW_FLAG.backupLocal],
  ['e', SUBFLOW_FLAG.fullyEstablished],
  ['c', SUBFLOW_FLAG.connected],
  ['v', SUBFLOW_FLAG.mapValid],
]);

/** Fields with one number, and how `ss` writes it. Words with a blank before the value are among them. */
const FIELDS: ReadonlyMap<string, readonly [Exclude<keyof TcpInfo, 'congestionControl'>, (text: string) => number]> =
  new Map([
    ['rto', ['retransmissionTimeoutSeconds', fractionSeconds]],
    ['backoff', ['backoff', count]],
    ['minrtt', ['minRttSeconds', fractionSeconds]],
    ['bytes_sent', ['sentBytes', count]],
    ['bytes_retrans', ['retransmittedBytes', count]],
    ['bytes_acked', ['acknowledgedBytes', count]],
    ['bytes_received', ['receivedBytes', count]],
    ['lastsnd', ['lastDataSentSeconds', seconds]],
    ['lastrcv', ['lastDataReceivedSeconds', seconds]],
    ['lastack', ['lastAcknowledgementSeconds', seconds]],
    ['pacing_rate', ['pacingRateBytesPerSecond', rate]],
    ['delivery_rate', ['deliveryRateBytesPerSecond', rate]],
    ['busy', ['busySeconds', seconds]],
    ['rwnd_limited', ['receiveWindowLimitedSeconds', seconds]],
    ['sndbuf_limited', ['sendBufferLimitedSeconds', seconds]],
    ['unacked', ['unacknowledgedSegments', count]],
    ['lost', ['lostSegments', count]],
  ]);

/** What every kernel with MPTCP tells and every `ss` since 5.9 prints, but not when it has this value. */
const OMITTED: TcpInfo = {
  sentBytes: 0,
  acknowledgedBytes: 0,
  receivedBytes: 0,
  retransmittedBytes: 0,
  unacknowledgedSegments: 0,
  lostSegments: 0,
  busySeconds: 0,
  receiveWindowLimitedSeconds: 0,
  sendBufferLimitedSeconds: 0,
  lastDataSentSeconds: 0,
  lastDataReceivedSeconds: 0,
  lastAcknowledgementSeconds: 0,
  backoff: 0,
  retransmissionTimeoutSeconds: 3,
};

/**
 * Reads the subflows of `ss -tinHOe` text, iproute2 5.9 to 7.x, also without `-O` and `-H`. A subflow shows by its ULP; where the kernel
 * hides that from this user (before 6.15 without CAP_NET_ADMIN) by `connectionInodes`, as subflows share their connection's. Plain TCP
 * is left out, rows that do not parse are counted. Throws `malformed` when no row parses.
 */
export function parseSubflows(text: string, connectionInodes: ReadonlySet<number>): Parsed<SubflowRecord> {
  return parseRows(text, (row) => readSubflow(row, connectionInodes));
}

function readSubflow(row: SsRow, connectionInodes: ReadonlySet<number>): SubflowRecord | undefined {
  const { socket, words } = row;
  const ulp = words.findIndex((word) => word.startsWith(ULP));
  const isSubflow = ulp < 0 ? connectionInodes.has(socket.inode ?? -1) : words[ulp] === `${ULP}mptcp`;
  if (!isSubflow || socket.state === 'syn_received') return undefined;
  const subflow: Writable<SubflowRecord> = {
    ...socket,
    sendQueueBytes: row.sendQueueBytes,
    tcp: readTcp(words, ulp < 0 ? words.length : ulp),
  };
  if (row.boundInterfaceName !== undefined) subflow.boundInterfaceName = row.boundInterfaceName;
  if (ulp >= 0) readUlp(subflow, words.slice(ulp + 1));
  return subflow;
}

/** `tcp_stats_print`: the words before the ULP. */
function readTcp(words: readonly string[], end: number): TcpInfo {
  const tcp: Writable<TcpInfo> = { ...OMITTED };
  let segments: number | undefined;
  let segmentBytes: number | undefined;
  let inOptions = true;
  for (let index = 0; index < end; index++) {
    const word = words[index] ?? '';
    const colon = word.indexOf(':');
    const key = colon < 0 ? word : word.slice(0, colon);
    const value = colon < 0 ? (words[index + 1] ?? '') : word.slice(colon + 1);
    const field = FIELDS.get(key);
    if (field !== undefined) tcp[field[0]] = field[1](value);
    else if (key === 'rtt') readRtt(tcp, value);
    else if (key === 'cwnd') segments = count(value);
    else if (key === 'mss') segmentBytes = count(value);
    else if (colon < 0 && inOptions && key !== '' && !OPTIONS.has(key)) tcp.congestionControl = key;
    if (colon >= 0) inOptions = false;
  }
  // The window is never 0: without one the kernel gave no tcp_info, and nothing was left out for its value.
  if (segments === undefined) return {};
  if (segmentBytes !== undefined) tcp.congestionWindowBytes = segments * segmentBytes;
  return tcp;
}

function readRtt(tcp: Writable<TcpInfo>, value: string): void {
  const [smoothed = '', variation = ''] = value.split('/', 2);
  tcp.rttSeconds = fractionSeconds(smoothed);
  tcp.rttVariationSeconds = fractionSeconds(variation);
}

/** Remote end first, then the local one, whose token is the connection's. */
const TOKENS = /^token:[0-9a-f]{1,8}\(id:(\d{1,3})\)\/([0-9a-f]{1,8})\(id:(\d{1,3})\)$/;

/** `mptcp_subflow_info`: the words behind the ULP, none where the kernel hides them from this user. */
function readUlp(subflow: Writable<SubflowRecord>, words: readonly string[]): void {
  const tokenWord = words.find((word) => word.startsWith('token:'));
  if (tokenWord === undefined) return;
  const match = TOKENS.exec(tokenWord);
  if (match === null) throw malformed('a pair of tokens', tokenWord);
  const [, remoteId = '', token = '', localId = ''] = match;
  if (hexadecimal(token) !== 0) subflow.token = hexadecimal(token);
  subflow.localId = count(localId);
  subflow.remoteId = count(remoteId);
  subflow.flags = 0;
  for (const letter of words.find((word) => word.startsWith('flags:'))?.slice(6) ?? '') {
    subflow.flags |= FLAG_LETTERS.get(letter) ?? 0; // a letter of a later release is none of ours
  }
}
