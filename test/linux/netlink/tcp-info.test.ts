import { describe, expect, it } from 'vitest';
import { tcpInfoAt } from '../../../exporter/src/linux/netlink/tcp-info.ts';
import { plain } from './fake-kernel.ts';

/** A tcp_info in which every u32 is its own offset, and every u64 its own offset too. */
function patterned(length = 280): DataView {
  const view = new DataView(new ArrayBuffer(length));
  for (let offset = 8; offset + 4 <= length; offset += 4) view.setUint32(offset, offset, true);
  for (const offset of [104, 120, 128, 160, 168, 176, 184, 200, 208]) view.setBigUint64(offset, BigInt(offset), true);
  view.setUint8(4, 3);
  return view;
}

describe('tcp_info', () => {
  it('is read at the offsets of uapi/linux/tcp.h, in base units', () => {
    expect(plain(tcpInfoAt(patterned(), 0, 280))).toEqual({
      backoff: 3,
      retransmissionTimeoutSeconds: 8e-6,
      congestionWindowBytes: 16 * 80,
      unacknowledgedSegments: 24,
      lostSegments: 32,
      lastDataSentSeconds: 0.044,
      lastDataReceivedSeconds: 0.052,
      lastAcknowledgementSeconds: 0.056,
      rttSeconds: 68e-6,
      rttVariationSeconds: 72e-6,
      pacingRateBytesPerSecond: 104,
      acknowledgedBytes: 120,
      receivedBytes: 128,
      minRttSeconds: 148e-6,
      deliveryRateBytesPerSecond: 160,
      busySeconds: 168e-6,
      receiveWindowLimitedSeconds: 176e-6,
      sendBufferLimitedSeconds: 184e-6,
      sentBytes: 200,
      retransmittedBytes: 208,
    });
  });

  it('leaves out what was never measured: RTT, its minimum, the delivery rate, and a pacing rate without limit', () => {
    const view = patterned();
    view.setUint32(68, 0, true);
    view.setUint32(148, 0xffffffff, true);
    view.setBigUint64(104, 0xffff_ffff_ffff_ffffn, true);
    view.setBigUint64(160, 0n, true);
    const fields = Object.keys(plain(tcpInfoAt(view, 0, 280)));
    expect(fields).toHaveLength(15);
    expect(fields.filter((field) => /rtt|rate/i.test(field))).toEqual([]);
  });

  it('keeps counters that are zero', () => {
    const view = new DataView(new ArrayBuffer(216));
    expect(plain(tcpInfoAt(view, 0, 216))).toMatchObject({ sentBytes: 0, lostSegments: 0, backoff: 0, busySeconds: 0 });
  });

  it('counts beyond 4 GiB', () => {
    const view = patterned();
    view.setBigUint64(200, 123_456_789_012_345n, true);
    expect(tcpInfoAt(view, 0, 280).sentBytes).toBe(123_456_789_012_345);
  });

  it('is not read at all when it is shorter than on any kernel with MPTCP', () => {
    expect(tcpInfoAt(patterned(), 0, 215)).toEqual({});
    expect(tcpInfoAt(patterned(), 0, 0)).toEqual({});
  });
});
