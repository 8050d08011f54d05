import { describe, expect, it } from 'vitest';
import { Hysteresis } from '../../../exporter/src/mptcp/health/hysteresis.ts';
import { LossWindow } from '../../../exporter/src/mptcp/health/loss-window.ts';
import { median, RecentNormal } from '../../../exporter/src/mptcp/health/recent-normal.ts';

describe('the median', () => {
  it.each([
    [[], 0],
    [[5], 5],
    [[9, 1], 1],
    [[3, 1, 2], 2],
    [[4, 1, 3, 2], 2],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });
});

describe('hysteresis', () => {
  const standing = (pressures: readonly (number | undefined)[]) => {
    const gate = new Hysteresis({ enterSeconds: 3, leaveSeconds: 5 });
    return pressures.map((pressure, second) => (gate.update(pressure, second) ? 1 : 0)).join('');
  };
  const times = (count: number, value: number | undefined) => Array.from({ length: count }, () => value);

  it.each([
    ['stands after 3 s above the threshold', times(6, 2), '000111'],
    ['does not stand when it falls back in time', [2, 2, 2, 1, 2, 2, 2, 1], '00000000'],
    ['stands although now and then there is nothing to judge by', [2, undefined, 2, undefined, undefined, 2], '000001'],
    ['does not stand for what was high before a longer pause', [2, ...times(4, undefined), 2, 2, 2, 2], '000000001'],
    ['goes on standing just below the threshold', [...times(4, 2), ...times(20, 0.9)], `000${'1'.repeat(21)}`],
    ['ends after 5 s well below it', [...times(4, 2), ...times(8, 0.1)], '000111111000'],
    [
      'holds for 30 s without anything to judge by',
      [...times(4, 2), ...times(32, undefined)],
      `000${'1'.repeat(31)}00`,
    ],
  ])('%s', (_what, pressures, expected) => {
    expect(standing(pressures)).toBe(expected);
  });
});

describe('the loss of a path', () => {
  /** One entry a second: bytes sent, of them retransmitted. */
  const lossOf = (seconds: readonly (readonly [number, number])[], patienceSeconds?: number) => {
    const window = new LossWindow(patienceSeconds === undefined ? {} : { patienceSeconds });
    let [sent, retransmitted] = [0, 0];
    let ratio = window.ratio(0, 0, 0);
    seconds.forEach(([more, again], index) => {
      sent += more;
      retransmitted += again;
      ratio = window.ratio(index + 1, sent, retransmitted);
    });
    return ratio;
  };
  const times = (count: number, sent: number, again: number) =>
    Array.from({ length: count }, () => [sent, again] as const);

  it.each([
    ['is not known of a path that sends nothing', times(10, 0, 0), undefined],
    ['is not known after two seconds', times(2, 1e6, 0), undefined],
    ['is what most seconds show', times(8, 1e6, 3e5), 0.3],
    ['leaves out a burst of two seconds', [...times(4, 1e6, 0), ...times(2, 1e6, 9e5), ...times(3, 1e6, 0)], 0],
    ['of a slow path takes several seconds together', times(12, 1000, 500), 0.5],
    ['is not known of a path that sends next to nothing', times(12, 300, 100), undefined],
    ['forgets what was 20 s ago', [...times(4, 1e6, 5e5), ...times(21, 0, 0)], undefined],
  ])('%s', (_what, seconds, expected) => {
    expect(lossOf(seconds)).toBe(expected);
  });

  it('is known of a path that sends next to nothing where a segment alone tells something', () => {
    expect(lossOf(times(12, 300, 100), 3)).toBeCloseTo(1 / 3, 5);
  });
});

describe('a figure against its normal', () => {
  it('is high from its threshold on, and does not become normal for ten minutes', () => {
    const normal = new RecentNormal((usual) => (usual === undefined ? Number.POSITIVE_INFINITY : usual * 3));
    for (let second = 0; second < 60; second++) normal.pressure(10, second);
    expect(normal.pressure(30, 60)).toBe(1);
    for (let second = 61; second < 600; second++) expect(normal.pressure(60, second)).toBe(2);
    for (let second = 600; second < 680; second++) normal.pressure(60, second);
    expect(normal.pressure(60, 680)).toBeCloseTo(1 / 3, 5);
  });

  it('follows a normal that moves within the threshold', () => {
    const normal = new RecentNormal((usual) => (usual === undefined ? Number.POSITIVE_INFINITY : usual * 3));
    for (let second = 0; second < 300; second++) normal.pressure(10, second);
    for (let second = 300; second < 600; second++) normal.pressure(20, second);
    expect(normal.pressure(40, 600)).toBeCloseTo(2 / 3, 1);
  });
});
