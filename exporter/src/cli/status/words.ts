import { REASON_WORDS } from '../../http/health-words.ts';
import { amount, bitRate, clockTime, duration } from '../../http/units.ts';
import { table } from '../table.ts';
import type { Status, StatusConnection, StatusPath, StatusSubflow } from './model.ts';

/** Most rows of a table; JSON has all. */
const MOST_ROWS = 20;

/** The whole of `status` for a terminal. `from` says whose look it is; `nowSeconds` is Unix time. */
export function statusText(status: Status, from: string, nowSeconds: number): string {
  const sections = [
    `${headline(status)} (${from})`,
    status.paths.length === 0 ? '' : pathTable(status.paths, nowSeconds),
    limited(busiestConnections(status.connections), 'connections', connectionTable, 0),
    limited(busiestSubflows(status.subflows), 'subflows', subflowTable, status.hiddenSubflows),
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}

function headline({ up, enabled, connectionCount, fallbackCount, paths }: Status): string {
  if (!up) return 'MPTCP cannot be read: mptcp-exporter doctor says why';
  const fallbacks = fallbackCount > 0 ? `, ${fallbackCount} fell back to plain TCP` : '';
  if (enabled === false) return `MPTCP is switched off: sysctl -w net.mptcp.enabled=1${fallbacks}`;
  if (connectionCount === 0) return `MPTCP is on: no connection uses it now${fallbacks}`;
  const used = paths.filter(({ subflows }) => Object.keys(subflows).length > 0).length;
  return `MPTCP is on: ${count(connectionCount, 'connection')} over ${count(used, 'path')}${fallbacks}`;
}

function pathTable(paths: readonly StatusPath[], nowSeconds: number): string {
  const rows = paths.map((path) => [
    path.name,
    path.interface === path.name ? '' : (path.interface ?? ''),
    [path.access, path.metered && 'metered'].filter(Boolean).join(', '),
    path.state ?? 'not known',
    path.sinceSeconds === undefined ? '' : clockTime(path.sinceSeconds, nowSeconds),
    rate(path.sendBytesPerSecond),
    rate(path.receiveBytesPerSecond),
    bytes(path.sentBytes),
    bytes(path.receivedBytes),
    subflowWords(path.subflows),
    path.reasons.map((reason) => (REASON_WORDS as Readonly<Record<string, string>>)[reason] ?? reason).join(', '),
  ]);
  const headings = [
    'PATH',
    'INTERFACE',
    'ACCESS',
    'STATE',
    'SINCE',
    'UP',
    'DOWN',
    'SENT',
    'RECEIVED',
    'SUBFLOWS',
    'WHY',
  ];
  const left = Array(5).fill('left');
  return table(headings, rows, [...left, 'right', 'right', 'right', 'right']);
}

function connectionTable(connections: readonly StatusConnection[]): string {
  const rows = connections.map(({ token, remote, subflows, sentBytes, receivedBytes }) => [
    token,
    remote,
    subflows === undefined ? '' : String(subflows),
    bytes(sentBytes),
    bytes(receivedBytes),
  ]);
  return table(['CONNECTION', 'REMOTE', 'SUBFLOWS', 'SENT', 'RECEIVED'], rows, [
    'left',
    'left',
    'right',
    'right',
    'right',
  ]);
}

function subflowTable(subflows: readonly StatusSubflow[]): string {
  const rows = subflows.map((subflow) => [
    subflow.token,
    subflow.path,
    subflow.local,
    subflow.remote,
    subflow.role ?? '',
    subflow.state ?? '',
    subflow.rttSeconds === undefined ? '' : duration(subflow.rttSeconds),
    rate(subflow.sendBytesPerSecond),
    rate(subflow.receiveBytesPerSecond),
  ]);
  const headings = ['SUBFLOW OF', 'PATH', 'LOCAL', 'REMOTE', 'ROLE', 'STATE', 'RTT', 'UP', 'DOWN'];
  return table(headings, rows, [...Array(6).fill('left'), 'right', 'right', 'right']);
}

/** The first rows, and how many more there are. */
function limited<T>(all: readonly T[], noun: string, show: (rows: readonly T[]) => string, hidden: number): string {
  if (all.length === 0) return '';
  const more = Math.max(0, all.length - MOST_ROWS) + hidden;
  return `${show(all.slice(0, MOST_ROWS))}${more === 0 ? '' : `\nand ${more} more ${noun}`}`;
}

const busiestConnections = (connections: readonly StatusConnection[]): readonly StatusConnection[] =>
  byLargest(connections, ({ sentBytes = 0, receivedBytes = 0 }) => sentBytes + receivedBytes);

const busiestSubflows = (subflows: readonly StatusSubflow[]): readonly StatusSubflow[] =>
  byLargest(
    subflows,
    ({ sendBytesPerSecond = 0, receiveBytesPerSecond = 0 }) => sendBytesPerSecond + receiveBytesPerSecond,
  );

const byLargest = <T>(all: readonly T[], size: (one: T) => number): readonly T[] =>
  [...all].sort((one, other) => size(other) - size(one));

function subflowWords(subflows: StatusPath['subflows']): string {
  const states = Object.entries(subflows);
  return states.length === 0 ? '0' : states.map(([state, number]) => `${number} ${state}`).join(', ');
}

const rate = (bytesPerSecond: number | undefined): string =>
  bytesPerSecond === undefined ? '' : bitRate(bytesPerSecond);
const bytes = (number: number | undefined): string => (number === undefined ? '' : amount(number));
const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
