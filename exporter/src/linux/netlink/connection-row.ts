import { ExporterError } from '../../errors.ts';
import type { ConnectionRecord, SocketAddress, TcpState } from '../../mptcp/model.ts';
import { cookieOf, inodeOf, localOf, MESSAGE_BYTES, remoteOf, stateOf } from './inet-diag.ts';
import { copyWords, RowCopies } from './row-copies.ts';
import { u64 } from './wire.ts';

/** `struct mptcp_info` (uapi/linux/mptcp.h) only ever grew: from 40 bytes (5.9) over 48, 80 and 88 to 96 (6.10). */
const INFO_MIN_BYTES = 40;
const INFO_MAX_BYTES = 96;
/** Only a `struct tcp_info` is longer than this. */
const INFO_LIMIT_BYTES = 200;

/** Lengths from which the fields are there. */
const WITH_BYTES = 80;
const WITH_TOTAL_SUBFLOWS = 81;
const WITH_AGES = 96;

const INFO = MESSAGE_BYTES;

const copies = new RowCopies(MESSAGE_BYTES + INFO_MAX_BYTES);

/**
 * A row of the MPTCP dump as a record, each field read when it is asked for. The queue is taken from the sequence numbers,
 * because idiag_wqueue and idiag_rqueue of an MPTCP socket are buffer memory.
 */
class ConnectionRow implements ConnectionRecord {
  readonly #row: DataView;
  readonly #at: number;
  /** Of the mptcp_info; 0 when the row has none. */
  readonly #length: number;

  constructor(row: DataView, at: number, length: number) {
    this.#row = row;
    this.#at = at;
    this.#length = length;
  }

  get state(): TcpState {
    return stateOf(this.#row, this.#at);
  }
  get local(): SocketAddress {
    return localOf(this.#row, this.#at);
  }
  get remote(): SocketAddress {
    return remoteOf(this.#row, this.#at);
  }
  get inode(): number | undefined {
    return inodeOf(this.#row, this.#at);
  }
  get cookie(): number | undefined {
    return cookieOf(this.#row, this.#at);
  }
  get token(): number | undefined {
    return this.#row.getUint32(this.#at + INFO + 12, true) || undefined;
  }
  get fallback(): boolean | undefined {
    return this.#flag(1);
  }
  get remoteKeyReceived(): boolean | undefined {
    return this.#flag(2);
  }
  get additionalSubflows(): number | undefined {
    return this.#length === 0 ? undefined : this.#row.getUint8(this.#at + INFO);
  }
  get totalSubflows(): number | undefined {
    return this.#length < WITH_TOTAL_SUBFLOWS ? undefined : this.#row.getUint8(this.#at + INFO + 80);
  }
  get sendQueueBytes(): number | undefined {
    if (this.#length === 0) return undefined;
    return outstandingBytes(this.#row, this.#at + INFO + 16, this.#at + INFO + 24);
  }
  get retransmittedBytes(): number | undefined {
    return this.#bytes(48);
  }
  get sentBytes(): number | undefined {
    return this.#bytes(56);
  }
  get receivedBytes(): number | undefined {
    return this.#bytes(64);
  }
  get acknowledgedBytes(): number | undefined {
    return this.#bytes(72);
  }
  get lastDataSentSeconds(): number | undefined {
    return this.#age(84);
  }
  get lastDataReceivedSeconds(): number | undefined {
    return this.#age(88);
  }
  get lastAcknowledgementSeconds(): number | undefined {
    return this.#age(92);
  }

  /** Every field, as a plain object. */
  toJSON(): ConnectionRecord {
    const { state, local, remote, inode, cookie, token, fallback, remoteKeyReceived, additionalSubflows } = this;
    const { totalSubflows, sendQueueBytes, retransmittedBytes, sentBytes, receivedBytes, acknowledgedBytes } = this;
    const { lastDataSentSeconds, lastDataReceivedSeconds, lastAcknowledgementSeconds } = this;
    return {
      ...{ state, local, remote, inode, cookie, token, fallback, remoteKeyReceived, additionalSubflows },
      ...{ totalSubflows, sendQueueBytes, retransmittedBytes, sentBytes, receivedBytes, acknowledgedBytes },
      ...{ lastDataSentSeconds, lastDataReceivedSeconds, lastAcknowledgementSeconds },
    };
  }

  #flag(bit: number): boolean | undefined {
    if (this.#length === 0) return undefined;
    return (this.#row.getUint32(this.#at + INFO + 8, true) & bit) !== 0;
  }

  #bytes(offset: number): number | undefined {
    return this.#length < WITH_BYTES ? undefined : u64(this.#row, this.#at + INFO + offset);
  }

  #age(offset: number): number | undefined {
    return this.#length < WITH_AGES ? undefined : this.#row.getUint32(this.#at + INFO + offset, true) / 1e3;
  }
}

/**
 * Copies a checked row of the MPTCP dump, which starts at `start` and whose mptcp_info of `infoLength` bytes is at `info`
 * (0 bytes when it has none), into a record. Throws `truncated`, and `not_tcp_info` where it is a tcp_info.
 */
export function connectionRow(view: DataView, start: number, info: number, infoLength: number): ConnectionRecord {
  if (infoLength > INFO_LIMIT_BYTES) {
    throw new ExporterError('not_tcp_info', 'this kernel answers a request for MPTCP sockets with its TCP sockets', {
      remedy: 'Use Linux 5.10 or later.',
    });
  }
  if (infoLength !== 0 && infoLength < INFO_MIN_BYTES) {
    throw new ExporterError('truncated', `mptcp_info of ${infoLength} bytes, at least ${INFO_MIN_BYTES} expected`);
  }
  const at = copies.add();
  const row = copies.block;
  copyWords(view, start, row, at, MESSAGE_BYTES);
  const length = Math.min(infoLength, INFO_MAX_BYTES) & ~3;
  copyWords(view, info, row, at + INFO, length);
  return new ConnectionRow(row, at, length);
}

/** write_seq minus snd_una, both of which wrap at 2^64; not below 0. */
function outstandingBytes(view: DataView, writeSequence: number, unacknowledged: number): number {
  const low = view.getUint32(writeSequence, true) - view.getUint32(unacknowledged, true);
  const high = (view.getUint32(writeSequence + 4, true) - view.getUint32(unacknowledged + 4, true)) | 0;
  return Math.max(0, high * 0x1_0000_0000 + low);
}
