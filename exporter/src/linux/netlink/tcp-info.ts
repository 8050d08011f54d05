import type { TcpInfo } from '../../mptcp/model.ts';
import { copyWords, RowCopies } from './row-copies.ts';
import { isAllOnes64, u64 } from './wire.ts';

/** Up to tcpi_bytes_retrans. Every kernel with MPTCP has more, so that a shorter struct is none that we know. */
export const TCP_INFO_BYTES = 216;

/** tcpi_min_rtt before the first sample. */
const NO_MIN_RTT = 0xffffffff;

/**
 * A `struct tcp_info` (uapi/linux/tcp.h; it only ever grew, by fields at its end) as the kernel wrote it, each field read
 * when it is asked for: of 10,000 subflows most are asked for their bytes alone, and 20 numbers each would be most of the
 * garbage that a look makes. What has not been measured yet is undefined.
 */
export class KernelTcpInfo implements TcpInfo {
  readonly congestionControl: string | undefined;
  readonly #view: DataView;
  readonly #at: number;

  constructor(view: DataView, offset: number, congestionControl: string | undefined) {
    this.congestionControl = congestionControl;
    this.#view = view;
    this.#at = offset;
  }

  get sentBytes(): number {
    return u64(this.#view, this.#at + 200);
  }
  get acknowledgedBytes(): number {
    return u64(this.#view, this.#at + 120);
  }
  get receivedBytes(): number {
    return u64(this.#view, this.#at + 128);
  }
  get retransmittedBytes(): number {
    return u64(this.#view, this.#at + 208);
  }
  get rttSeconds(): number | undefined {
    return this.#u32(68) === 0 ? undefined : this.#u32(68) / 1e6;
  }
  get rttVariationSeconds(): number | undefined {
    return this.#u32(68) === 0 ? undefined : this.#u32(72) / 1e6;
  }
  get minRttSeconds(): number | undefined {
    return this.#u32(148) === NO_MIN_RTT ? undefined : this.#u32(148) / 1e6;
  }
  get congestionWindowBytes(): number {
    return this.#u32(80) * this.#u32(16);
  }
  get unacknowledgedSegments(): number {
    return this.#u32(24);
  }
  get lostSegments(): number {
    return this.#u32(32);
  }
  get deliveryRateBytesPerSecond(): number | undefined {
    return u64(this.#view, this.#at + 160) || undefined;
  }
  get pacingRateBytesPerSecond(): number | undefined {
    return isAllOnes64(this.#view, this.#at + 104) ? undefined : u64(this.#view, this.#at + 104);
  }
  get busySeconds(): number {
    return u64(this.#view, this.#at + 168) / 1e6;
  }
  get receiveWindowLimitedSeconds(): number {
    return u64(this.#view, this.#at + 176) / 1e6;
  }
  get sendBufferLimitedSeconds(): number {
    return u64(this.#view, this.#at + 184) / 1e6;
  }
  get lastDataSentSeconds(): number {
    return this.#u32(44) / 1e3;
  }
  get lastDataReceivedSeconds(): number {
    return this.#u32(52) / 1e3;
  }
  get lastAcknowledgementSeconds(): number {
    return this.#u32(56) / 1e3;
  }
  get retransmissionTimeoutSeconds(): number {
    return this.#u32(8) / 1e6;
  }
  get backoff(): number {
    return this.#view.getUint8(this.#at + 4);
  }

  /** Every field that is known, as a plain object. */
  toJSON(): TcpInfo {
    const known = FIELDS.map((field) => [field, this[field]]).filter(([, value]) => value !== undefined);
    return Object.fromEntries(known);
  }

  #u32(offset: number): number {
    return this.#view.getUint32(this.#at + offset, true);
  }
}

const FIELDS = [
  'sentBytes',
  'acknowledgedBytes',
  'receivedBytes',
  'retransmittedBytes',
  'rttSeconds',
  'rttVariationSeconds',
  'minRttSeconds',
  'congestionWindowBytes',
  'unacknowledgedSegments',
  'lostSegments',
  'deliveryRateBytesPerSecond',
  'pacingRateBytesPerSecond',
  'busySeconds',
  'receiveWindowLimitedSeconds',
  'sendBufferLimitedSeconds',
  'lastDataSentSeconds',
  'lastDataReceivedSeconds',
  'lastAcknowledgementSeconds',
  'retransmissionTimeoutSeconds',
  'backoff',
  'congestionControl',
] as const satisfies readonly (keyof TcpInfo)[];

const copies = new RowCopies(TCP_INFO_BYTES);

/** The tcp_info of `length` bytes at `offset`, copied, since the buffer of a dump is used again; of one too short nothing. */
export function tcpInfoAt(view: DataView, offset: number, length: number): TcpInfo {
  if (length < TCP_INFO_BYTES) return {};
  const at = copies.add();
  copyWords(view, offset, copies.block, at, TCP_INFO_BYTES);
  return new KernelTcpInfo(copies.block, at, undefined);
}
