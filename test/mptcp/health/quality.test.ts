import { describe, expect, it } from 'vitest';
import { LTE, WLAN } from './timeline.ts';
import { expectHealthy, transfer } from './transfer.ts';

describe('loss, delay and middleboxes', () => {
  it('a third of the packets lost is high_loss within 15 s, and over 15 s after it ends', () => {
    const { timeline, wlan } = transfer('up');
    const start = timeline.now;
    wlan.lossRatio = 0.3;
    timeline.run(20);
    expect(timeline.enteredAfter('wlan0', 'degraded', start)).toBeLessThanOrEqual(15);
    expect(timeline.reasons('wlan0')).toEqual(['high_loss']);
    expectHealthy(timeline, 'eth0', start);
    wlan.lossRatio = 0;
    timeline.run(20);
    expect(timeline.states('wlan0', start)).toEqual(['up', 'degraded', 'up']);
  });

  it('half a second of delay is high_rtt within 15 s, and over when it ends', () => {
    const { timeline, wlan } = transfer('up');
    const start = timeline.now;
    wlan.rttSeconds += 0.5;
    timeline.run(60);
    expect(timeline.enteredAfter('wlan0', 'degraded', start)).toBeLessThanOrEqual(15);
    expect(timeline.reasons('wlan0')).toEqual(['high_rtt']);
    expectHealthy(timeline, 'eth0', start);
    wlan.rttSeconds -= 0.5;
    timeline.run(20);
    expect(timeline.states('wlan0', start)).toEqual(['up', 'degraded', 'up']);
  });

  it('a delay that lasts for a quarter of an hour becomes the path’s normal', () => {
    const { timeline, wlan } = transfer('up');
    wlan.rttSeconds += 0.5;
    timeline.run(900);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
  });

  it('a path that always loses a tenth is not degraded by it for ever, but by losing half', () => {
    const { timeline, wlan } = transfer('up');
    wlan.lossRatio = 0.1;
    timeline.run(1200);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
    wlan.lossRatio = 1;
    timeline.run(20);
    expect(timeline.reasons('wlan0')).toEqual(['high_loss']);
  });

  it('a fallback is told within 2 s where the peer is known to speak MPTCP, until MPTCP gets through again', () => {
    const { timeline } = transfer('up');
    const start = timeline.now;
    timeline.connect(2, [WLAN], { fallback: true, remoteKeyReceived: false });
    timeline.run(3);
    expect(timeline.enteredAfter('wlan0', 'degraded', start)).toBeLessThanOrEqual(2);
    expect(timeline.reasons('wlan0')).toEqual(['fallback']);
    expectHealthy(timeline, 'eth0', start);
    timeline.connect(3, [WLAN]);
    timeline.run(2);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
  });

  it('a fallback in the middle of a connection is told of any peer', () => {
    const { timeline } = transfer('up');
    const [flow] = timeline.connect(2, [LTE], { remote: { address: '192.0.2.1', port: 443 } });
    timeline.run(3);
    const record = timeline.connections.get(2);
    if (record !== undefined) timeline.connections.set(2, { ...record, fallback: true });
    timeline.run(2);
    expect(flow?.address).toBe(LTE);
    expect(timeline.reasons('lte0')).toEqual(['fallback']);
  });

  it('a server that never spoke MPTCP is no fault', () => {
    const { timeline } = transfer('up');
    const start = timeline.now;
    timeline.connect(2, [WLAN], {
      fallback: true,
      remoteKeyReceived: false,
      remote: { address: '192.0.2.1', port: 443 },
    });
    timeline.run(5);
    expectHealthy(timeline, 'wlan0', start);
  });
});
