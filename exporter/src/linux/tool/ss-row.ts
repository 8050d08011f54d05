import { ExporterError } from '../../errors.ts';
import type { SocketAddress, TcpState } from '../../mptcp/model.ts';
import { canonicalAddress } from '../address.ts';
import type { Writable } from '../netlink/writable.ts';
import { count, hexadecimal, malformed } from './ss-value.ts';

/** What a connection and a subflow have in common. */
interface SocketStart {
  readonly state: TcpState;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly inode?: number;
  readonly cookie?: number;
}

/** A row of `ss -tinHOe` or `ss -MinHOe`. */
export interface SsRow {
  readonly socket: SocketStart;
  readonly sendQueueBytes: number;
  readonly boundInterfaceName: string | undefined;
  /** The words behind the socket's details: `key:value`, or a key alone. */
  readonly words: readonly string[];
}

/** Records that were read, and how many rows could not be. */
export interface Parsed<T> {
  readonly records: readonly T[];
  readonly malformed: number;
}

/** Names of `sock_state_print` (iproute2, misc/ss.c). */
const STATES: ReadonlyMap<string, TcpState> = new Map([
  ['ESTAB', 'established'],
  ['SYN-SENT', 'syn_sent'],
  ['SYN-RECV', 'syn_received'],
  ['FIN-WAIT-1', 'fin_wait_1'],
  ['FIN-WAIT-2', 'fin_wait_2'],
  ['TIME-WAIT', 'time_wait'],
  ['UNCONN', 'closed'],
  ['CLOSE-WAIT', 'close_wait'],
  ['LAST-ACK', 'last_ack'],
  ['LISTEN', 'listen'],
  ['CLOSING', 'closing'],
]);

/** Sockets that carry nothing, or will carry nothing more. */
const LEFT_OUT: ReadonlySet<TcpState> = new Set(['listen', 'time_wait']);

/** Netid (only where several protocols were asked for), state, queues, addresses. No part can match where its neighbour begins: linear. */
const COLUMNS = /^(?:[a-z]\w* +)?([A-Z][A-Z0-9-]*) +\d+ +(\d+) +(\S+) +(\S+)(?= |$)/;

/** What is shut down, which ends the details (`inet_show_sock`). */
const SHUTDOWN = / (?:<->|-->|<--|---)(?= )/g;

const LONGEST_ADDRESS = 64;

/** INET_DIAG_NOCOOKIE: the kernel gives the socket no cookie. */
const NO_COOKIE = 'f'.repeat(16);

/**
 * Reads the rows of `ss` text, one line or two each and with or without a header, through `read`, which gives undefined for a row
 * of no interest. Listening sockets and those in TIME-WAIT are not shown to it. A row that does not parse is counted and left out.
 * Throws `malformed` when no row parses.
 */
export function parseRows<T>(text: string, read: (row: SsRow) => T | undefined): Parsed<T> {
  const records: T[] = [];
  let rows = 0;
  let bad = 0;
  let first: ExporterError | undefined;
  for (const line of joinedLines(text)) {
    rows++;
    try {
      const row = parseRow(line);
      const record = LEFT_OUT.has(row.socket.state) ? undefined : read(row);
      if (record !== undefined) records.push(record);
    } catch (caught) {
      if (!(caught instanceof ExporterError)) throw caught;
      bad++;
      first ??= caught;
    }
  }
  if (first !== undefined && bad === rows) {
    throw new ExporterError('malformed', `this is not the output of ss: ${first.message}`, { cause: first });
  }
  return { records, malformed: bad };
}

/** One line per socket: without `-O` the rest of a row is on a line of its own, indented. */
function joinedLines(text: string): string[] {
  const lines: string[] = [];
  let parts: string[] = [];
  for (const line of text.split('\n')) {
    const content = line.trim();
    if (content === '' || content.startsWith('State ') || content.startsWith('Netid ')) continue;
    const indented = line.startsWith('\t') || line.startsWith(' ');
    if (!indented && parts.length > 0) {
      lines.push(parts.join(' '));
      parts = [];
    }
    parts.push(content);
  }
  if (parts.length > 0) lines.push(parts.join(' '));
  return lines;
}

function parseRow(line: string): SsRow {
  const match = COLUMNS.exec(line);
  if (match === null) throw malformed('a row of ss', line);
  const [columns, stateName = '', sendQueue = '', localText = '', remoteText = ''] = match;
  const state = STATES.get(stateName);
  if (state === undefined) throw malformed('a TCP state', stateName);
  const local = parseEnd(localText);
  const socket: Writable<SocketStart> = { state, local: local.address, remote: parseEnd(remoteText).address };

  const rest = `${line.slice(columns.length)} `;
  const [detailsEnd, wordsStart] = splitDetails(rest);
  const inode = detail(rest, ' ino:', detailsEnd);
  if (inode !== undefined && inode !== '0') socket.inode = count(inode);
  const cookie = detail(rest, ' sk:', detailsEnd);
  if (cookie !== undefined && cookie !== NO_COOKIE) socket.cookie = hexadecimal(cookie);
  return {
    socket,
    sendQueueBytes: count(sendQueue),
    boundInterfaceName: local.device,
    words: rest.slice(wordsStart).split(' '),
  };
}

/** Where the details end and the words begin: at the last shutdown word, as a cgroup's name before it can hold one too. */
function splitDetails(rest: string): readonly [detailsEnd: number, wordsStart: number] {
  let last: readonly [number, number] = [rest.length, 0];
  for (const { index, 0: word } of rest.matchAll(SHUTDOWN)) last = [index + 1, index + word.length];
  return last;
}

/** The first such word: what stands behind it may be a cgroup's name, which anyone can choose. */
function detail(rest: string, key: string, end: number): string | undefined {
  const start = rest.indexOf(key);
  if (start < 0 || start >= end) return undefined;
  const from = start + key.length;
  return rest.slice(from, rest.indexOf(' ', from));
}

/** `10.0.2.1%veB:49755`, `[fe80::1]%eth0:22`, `[::ffff:127.0.0.1]:7001`, `*:*`. */
function parseEnd(text: string): { readonly address: SocketAddress; readonly device: string | undefined } {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, Math.max(0, colon));
  if (host === '' || host.length > LONGEST_ADDRESS) throw malformed('an address and port', text);
  const portText = text.slice(colon + 1);
  const port = portText === '*' ? 0 : count(portText);
  if (port > 0xffff) throw malformed('a port', portText);
  const percent = host.indexOf('%', host.startsWith('[') ? host.indexOf(']') : 0);
  const bare = percent < 0 ? host : host.slice(0, percent);
  return {
    address: { address: bare === '*' ? '::' : canonicalAddress(bare), port },
    device: percent < 0 ? undefined : host.slice(percent + 1),
  };
}
