import { describe, expect, it } from 'vitest';
import type { LatencySettings } from '../../exporter/src/config/probes/settings.ts';
import { Account } from '../../exporter/src/probe/account.ts';
import { failed, type Latency, type ProbeResult } from '../../exporter/src/probe/probe.ts';
import { ProbeResults, RTT_BUCKETS_SECONDS } from '../../exporter/src/probe/results.ts';

const SETTINGS: LatencySettings = {
  type: 'udp',
  target: { text: 'vps', host: 'vps' },
  timetable: { intervalSeconds: 1, jitterSeconds: 0 },
  timeoutSeconds: 1,
  payloadBytes: 64,
};

const answer = (rttSeconds: number): ProbeResult<Latency> => ({ ok: true, value: { rttSeconds } });

describe('what probes bring', () => {
  it('is counted by probe, path and target', () => {
    const results = new ProbeResults();
    const now = Date.now() / 1000;
    results.latency(SETTINGS, 'eth', failed('timeout', ''));
    results.latency(SETTINGS, 'eth', answer(0.01));
    results.latency(SETTINGS, 'eth', answer(0.03));
    results.latency(SETTINGS, 'lte', failed('refused', ''));
    const [eth, lte] = [...results.series];
    expect(eth).toMatchObject({ probe: 'udp', path: 'eth', target: 'vps', success: true, requests: 3, replies: 2 });
    expect(eth?.failures).toEqual(new Map([['timeout', 1]]));
    expect(eth?.rtt).toMatchObject({ count: 2, sum: 0.04 });
    expect(eth?.jitterSeconds).toBeCloseTo(0.02);
    expect(eth?.lastSuccessAt).toBeGreaterThanOrEqual(now);
    expect(lte).toMatchObject({ path: 'lte', success: false, requests: 1, replies: 0 });
    expect(lte).not.toHaveProperty('lastSuccessAt');
    expect(lte).not.toHaveProperty('jitterSeconds');
  });

  it('the time of the last success stays when the next run fails', () => {
    const results = new ProbeResults();
    results.latency(SETTINGS, 'eth', answer(0.01));
    results.latency(SETTINGS, 'eth', failed('timeout', ''));
    expect([...results.series]).toMatchObject([{ success: false, lastSuccessAt: expect.any(Number) }]);
  });

  it('jitter follows RFC 3550 from the second difference on', () => {
    const results = new ProbeResults();
    for (const rtt of [0.01, 0.026, 0.01]) results.latency(SETTINGS, 'eth', answer(rtt));
    expect([...results.series][0]?.jitterSeconds).toBeCloseTo(0.016);
    results.latency(SETTINGS, 'eth', answer(0.01));
    expect([...results.series][0]?.jitterSeconds).toBeCloseTo(0.015);
  });

  it('is bounded', () => {
    const results = new ProbeResults();
    for (let path = 0; path < 5000; path++) results.latency(SETTINGS, `p${path}`, answer(0.01));
    expect([...results.series]).toHaveLength(2048);
  });

  it('is put into buckets from 0.1 ms to 10 s', () => {
    expect(RTT_BUCKETS_SECONDS[0]).toBe(0.0001);
    expect(RTT_BUCKETS_SECONDS.at(-1)).toBe(10);
    expect(RTT_BUCKETS_SECONDS).toEqual([...RTT_BUCKETS_SECONDS].sort((a, b) => a - b));
  });
});

describe('what probing costs', () => {
  it('is counted by path', () => {
    const account = new Account();
    const meter = account.meter('eth', () => undefined);
    meter.sent(100);
    meter.received(50);
    meter.sent(7, 'lte');
    expect(account.spent).toEqual(
      new Map([
        ['eth', { sentBytes: 100, receivedBytes: 50 }],
        ['lte', { sentBytes: 7, receivedBytes: 0 }],
      ]),
    );
    expect(meter.remaining).toBe(Number.POSITIVE_INFINITY);
  });

  it('is taken off the budget, and its end is told once', () => {
    let left = 100;
    const account = new Account({
      remaining: () => Math.max(0, left),
      reserve: async () => undefined,
      spend: (_, bytes) => {
        left -= bytes;
      },
    });
    let told = 0;
    const meter = account.meter('eth', () => told++);
    meter.sent(60);
    expect([meter.remaining, told]).toEqual([40, 0]);
    meter.received(60);
    meter.sent(1);
    expect([meter.remaining, told]).toEqual([0, 1]);
  });
});
