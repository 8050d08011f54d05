import { describe, expect, it } from 'vitest';
import { Timeline, WLAN } from './timeline.ts';
import { expectHealthy, transfer } from './transfer.ts';

describe('a silent blackhole while downloading, which the receiving end sees nothing of', () => {
  it.each([0, 0.01, 0.1, 0.2, 0.5, 0.8, 0.999])(
    'is stalled within 2.5 s, the check included, %d s after a look',
    (offset) => {
      const { timeline, wlan } = transfer('down');
      const start = timeline.now + offset;
      timeline.answerBy((path) => path === 'wlan0');
      timeline.flows.forEach((flow) => {
        flow.pass(start);
      });
      wlan.dead = true;
      timeline.run(3.2);
      expect(timeline.enteredAfter('wlan0', 'stalled', start)).toBeLessThanOrEqual(2.5);
      expect(timeline.reasons('wlan0')).toEqual(['no_data_arriving']);
      expect(timeline.subflows).toEqual(['active', 'silent']);
      expectHealthy(timeline, 'eth0', start);
      expect(timeline.states('wlan0', start)).toEqual(['up', 'stalled']);
      expect(timeline.asked[0]).toMatchObject({
        path: 'wlan0',
        interfaceName: 'wlan0',
        localAddress: WLAN,
        peer: { address: '10.77.1.2', port: 7001 },
      });
    },
  );

  it('is up again when a check gets through, long before the sender tries again', () => {
    const { timeline, wlan } = transfer('down');
    let dead = true;
    timeline.answerBy(() => dead);
    wlan.dead = true;
    timeline.run(15);
    const back = timeline.now;
    dead = false;
    timeline.run(10);
    expect(timeline.enteredAfter('wlan0', 'up', back)).toBeLessThanOrEqual(5.1);
    wlan.dead = false;
    timeline.run(5);
    expect(timeline.states('wlan0', back)).toEqual(['stalled', 'up']);
    expect(timeline.durations.filter(({ kind }) => kind === 'recovery')).toHaveLength(1);
  });

  it('is over for a subflow at the look that shows it receive again, though that was a moment before', () => {
    const { timeline, wlan } = transfer('down');
    timeline.answerBy(() => true);
    wlan.dead = true;
    timeline.run(4);
    expect(timeline.subflows).toEqual(['active', 'silent']);
    wlan.dead = false;
    wlan.pass(timeline.now + 0.1);
    wlan.receiving = false;
    timeline.run(1);
    expect(timeline.subflows).toEqual(['active', 'active']);
  });

  it('stays stalled when the download ends, until something is heard', () => {
    const { timeline, eth, wlan } = transfer('down');
    timeline.answerBy(() => wlan.dead);
    wlan.dead = true;
    timeline.run(6);
    eth.receiving = false;
    timeline.run(20);
    expect(timeline.paths.get('wlan0')?.state).toBe('stalled');
    wlan.dead = false;
    timeline.run(6);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
  });

  it('is checked at most once in 5 s and path', () => {
    const { timeline, wlan } = transfer('down');
    timeline.answerBy(() => true);
    wlan.dead = true;
    timeline.run(60, 0.25);
    const times = timeline.asked.map(({ at }) => at);
    expect(times.length).toBeGreaterThan(8);
    times.slice(1).forEach((at, index) => {
      expect(at - (times[index] ?? 0)).toBeGreaterThanOrEqual(5);
    });
  });

  it.each([
    ['checks are off', { confirm: 'off' as const }, () => []],
    ['no answer is reported', {}, () => []],
  ])('only degrades the path when %s', (_why, settings, answer) => {
    const { timeline, wlan } = transfer('down', new Timeline(settings));
    timeline.answer = answer;
    wlan.dead = true;
    timeline.run(8);
    expect(timeline.paths.get('wlan0')?.state).toBe('degraded');
    expect(timeline.reasons('wlan0')).toEqual(['no_data_arriving']);
    wlan.dead = false;
    timeline.run(2);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
  });
});
