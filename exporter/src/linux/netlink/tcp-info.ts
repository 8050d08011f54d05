import type { TcpInfo } from '../../mptcp/model.ts';
import { isAllOnes64, u64 } from './wire.ts';
import type { Writable } from './writable.ts';

/** Up to tcpi_bytes_retrans. Every kernel with MPTCP has more, so that a shorter struct is none that we know. */
const TCP_INFO_MIN_BYTES = 216;

/** tcpi_min_rtt before the first sample. */
const NO_MIN_RTT = 0xffffffff;

/**
 * Decodes a `struct tcp_info` of `length` bytes (uapi/linux/tcp.h; it only ever grew, by fields at its end). What has not
 * been measured yet is absent, as is everything when the struct is too short.
 */
export function decodeTcpInfo(view: DataView, offset: number, length: number): Writable<TcpInfo> {
  if (length < TCP_INFO_MIN_BYTES) return {};
  // One literal for what is always there: objects that grow field by field cost twice the time at 10,000 subflows.
  const tcp: Writable<TcpInfo> = {
    sentBytes: u64(view, offset + 200),
    acknowledgedBytes: u64(view, offset + 120),
    receivedBytes: u64(view, offset + 128),
    retransmittedBytes: u64(view, offset + 208),
    congestionWindowBytes: view.getUint32(offset + 80, true) * view.getUint32(offset + 16, true),
    unacknowledgedSegments: view.getUint32(offset + 24, true),
    lostSegments: view.getUint32(offset + 32, true),
    busySeconds: u64(view, offset + 168) / 1e6,
    receiveWindowLimitedSeconds: u64(view, offset + 176) / 1e6,
    sendBufferLimitedSeconds: u64(view, offset + 184) / 1e6,
    lastDataSentSeconds: view.getUint32(offset + 44, true) / 1e3,
    lastDataReceivedSeconds: view.getUint32(offset + 52, true) / 1e3,
    lastAcknowledgementSeconds: view.getUint32(offset + 56, true) / 1e3,
    retransmissionTimeoutSeconds: view.getUint32(offset + 8, true) / 1e6,
    backoff: view.getUint8(offset + 4),
  };
  const rtt = view.getUint32(offset + 68, true);
  if (rtt !== 0) {
    tcp.rttSeconds = rtt / 1e6;
    tcp.rttVariationSeconds = view.getUint32(offset + 72, true) / 1e6;
  }
  const minRtt = view.getUint32(offset + 148, true);
  if (minRtt !== NO_MIN_RTT) tcp.minRttSeconds = minRtt / 1e6;
  if (!isAllOnes64(view, offset + 104)) tcp.pacingRateBytesPerSecond = u64(view, offset + 104);
  const deliveryRate = u64(view, offset + 160);
  if (deliveryRate !== 0) tcp.deliveryRateBytesPerSecond = deliveryRate;
  return tcp;
}
