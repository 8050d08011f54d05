import type { ConnectionRecord } from '../../mptcp/model.ts';
import type { Writable } from '../netlink/writable.ts';
import { type Parsed, parseRows, type SsRow } from './ss-row.ts';
import { count, seconds, sequence, token } from './ss-value.ts';
import { isAtLeast, type Version } from './version.ts';

/** Whose text it is: a field that is missing is 0 only where both can tell it. */
export interface SsVersions {
  readonly iproute2: Version;
  readonly kernel: Version;
}

/** What a connection's row can tell. */
interface ConnectionAbilities {
  /** Its own byte counters (`ss` and kernel 6.5). */
  readonly bytes: boolean;
  /** The number of all its subflows (both 6.8). */
  readonly totalSubflows: boolean;
  /** Ages of its last data and acknowledgement (both 6.10). */
  readonly ages: boolean;
}

/** A word seen anywhere proves an ability, whatever the versions say: distributions carry features back. */
const PROOFS = {
  bytes: / bytes_(?:sent|received|acked|retrans):/,
  totalSubflows: / subflows_total:/,
  ages: / last_(?:data_sent|data_recv|ack_recv):/,
} as const;

/** Fields with one number, and how `ss` writes it (`mptcp_stats_print` in iproute2, misc/ss.c). */
const FIELDS: ReadonlyMap<string, readonly [NumericField, (text: string) => number]> = new Map([
  ['token', ['token', token]],
  ['subflows', ['additionalSubflows', count]],
  ['subflows_total', ['totalSubflows', count]],
  ['bytes_sent', ['sentBytes', count]],
  ['bytes_acked', ['acknowledgedBytes', count]],
  ['bytes_received', ['receivedBytes', count]],
  ['bytes_retrans', ['retransmittedBytes', count]],
  ['last_data_sent', ['lastDataSentSeconds', seconds]],
  ['last_data_recv', ['lastDataReceivedSeconds', seconds]],
  ['last_ack_recv', ['lastAcknowledgementSeconds', seconds]],
]);

type NumericField = {
  [K in keyof ConnectionRecord]-?: NonNullable<ConnectionRecord[K]> extends number ? K : never;
}[keyof ConnectionRecord];

/**
 * Reads the connections of `ss -MinHOe` text, iproute2 5.9 to 7.x, also without `-O` and `-H`. Listening sockets are left out, rows
 * that do not parse are counted. Throws `malformed` when no row parses.
 */
export function parseConnections(text: string, { iproute2, kernel }: SsVersions): Parsed<ConnectionRecord> {
  const both = (major: number, minor: number) => isAtLeast(iproute2, major, minor) && isAtLeast(kernel, major, minor);
  const abilities: ConnectionAbilities = {
    bytes: both(6, 5) || PROOFS.bytes.test(text),
    totalSubflows: both(6, 8) || PROOFS.totalSubflows.test(text),
    ages: both(6, 10) || PROOFS.ages.test(text),
  };
  const base = isAtLeast(iproute2, 6, 5) ? 10 : 16;
  return parseRows(text, (row) => readConnection(row, abilities, base));
}

/** Queues are taken from the sequence numbers: an MPTCP socket's Recv-Q and Send-Q are buffer memory (net/mptcp/mptcp_diag.c). */
function readConnection({ socket, words }: SsRow, can: ConnectionAbilities, base: 10 | 16): ConnectionRecord {
  const connection: Writable<ConnectionRecord> = {
    ...socket,
    fallback: words.includes('fallback'),
    remoteKeyReceived: words.includes('remote_key'),
    additionalSubflows: 0,
    ...(can.totalSubflows && { totalSubflows: 0 }),
    ...(can.bytes && { sentBytes: 0, acknowledgedBytes: 0, receivedBytes: 0, retransmittedBytes: 0 }),
    ...(can.ages && { lastDataSentSeconds: 0, lastDataReceivedSeconds: 0, lastAcknowledgementSeconds: 0 }),
  };
  let written: bigint | undefined;
  let acknowledged: bigint | undefined;
  for (const word of words) {
    const colon = word.indexOf(':');
    if (colon < 0) continue;
    const key = word.slice(0, colon);
    const value = word.slice(colon + 1);
    const field = FIELDS.get(key);
    if (field !== undefined) connection[field[0]] = field[1](value);
    else if (key === 'write_seq') written = sequence(value, base);
    else if (key === 'snd_una') acknowledged = sequence(value, base);
  }
  if (written !== undefined && acknowledged !== undefined) {
    // Sequence numbers wrap at 2^64.
    connection.sendQueueBytes = Math.max(0, Number(BigInt.asIntN(64, written - acknowledged)));
  }
  return connection;
}
