import { describe, expect, it } from 'vitest';
import { Ledger } from '../../exporter/src/mptcp/ledger.ts';
import { RTT_BUCKETS_SECONDS, ThroughputMeter } from '../../exporter/src/mptcp/throughput.ts';
import { reading, snapshot, subflow } from '../support/scene.ts';

const meterOf = (looks: readonly { at: number; sent: number; rttSeconds?: number; capable?: boolean }[]) => {
  const ledger = new Ledger({ minimumSpanSeconds: 0.5 });
  const meter = new ThroughputMeter();
  for (const { at, sent, rttSeconds, capable } of looks) {
    const tcp =
      capable === false
        ? {}
        : { sentBytes: sent, receivedBytes: 2 * sent, ...(rttSeconds !== undefined && { rttSeconds }) };
    const look = snapshot(
      reading(
        { subflows: [subflow(1, '10.77.1.1', { cookie: 1, tcp })] },
        { monotonicSeconds: at, ...(capable === false && { capabilities: new Map([['subflow_bytes', false]]) }) },
      ),
    );
    meter.measure(look, ledger, ledger.fold(look));
  }
  return meter;
};

describe('path throughput', () => {
  it('is the bytes of the last span by its length, and its maximum is of the last 15 s', () => {
    const meter = meterOf([
      { at: 0, sent: 0 },
      { at: 1, sent: 5000 },
      { at: 3, sent: 6000 },
    ]);
    expect(meter.of('eth0')).toMatchObject({
      sendBytesPerSecond: 500,
      maximumSendBytesPerSecond: 5000,
      receiveBytesPerSecond: 1000,
      maximumReceiveBytesPerSecond: 10_000,
    });
  });

  it('forgets a maximum after 15 s', () => {
    const looks = Array.from({ length: 20 }, (_, at) => ({ at, sent: at < 2 ? at * 1000 : 1000 + at }));
    expect(meterOf(looks).of('eth0')?.maximumSendBytesPerSecond).toBe(1);
  });

  it('is 0 on a path without a subflow and unknown before the first span', () => {
    expect(meterOf([{ at: 0, sent: 1 }]).of('eth0')).toBeUndefined();
    const meter = meterOf([
      { at: 0, sent: 0 },
      { at: 1, sent: 9 },
    ]);
    expect(meter.of('wlan0')).toMatchObject({ sendBytesPerSecond: 0, receiveBytesPerSecond: 0 });
  });

  it('is absent where the source cannot count bytes', () => {
    const meter = meterOf([
      { at: 0, sent: 0, capable: false },
      { at: 1, sent: 0, capable: false },
    ]);
    expect(meter.of('eth0')).not.toHaveProperty('sendBytesPerSecond');
  });

  it('counts round-trip times only of subflows that moved data, in cumulative buckets', () => {
    const rtt = meterOf([
      { at: 0, sent: 0, rttSeconds: 0.004 },
      { at: 1, sent: 10, rttSeconds: 0.004 },
      { at: 2, sent: 10, rttSeconds: 0.004 },
      { at: 3, sent: 20, rttSeconds: 9 },
    ]).of('eth0')?.rtt;
    expect(rtt).toMatchObject({ count: 2, sum: 9.004 });
    expect(rtt?.counts).toEqual(RTT_BUCKETS_SECONDS.map((bound) => (bound >= 0.004 ? 1 : 0)));
  });
});
