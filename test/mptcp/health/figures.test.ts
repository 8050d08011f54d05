import { describe, expect, it } from 'vitest';
import { Hysteresis } from '../../../exporter/src/mptcp/health/hysteresis.ts';
import { LossWatch, type Sending, type Stall } from '../../../exporter/src/mptcp/health/loss-watch.ts';
import { LossWindow } from '../../../exporter/src/mptcp/health/loss-window.ts';
import { median, RecentNormal } from '../../../exporter/src/mptcp/health/recent-normal.ts';
import { DEFAULT_HEALTH_SETTINGS } from '../../../exporter/src/mptcp/health/settings.ts';

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

describe('whether loss is high', () => {
  const SENT = 1e5;

  type Second = Partial<Stall & Sending>;

  /** The retransmissions of one second after the other, with what is known of the stall in those in which nothing comes through. */
  const highOf = (
    retransmitted: readonly number[],
    stalls: ReadonlyMap<number, Second> = new Map(),
    isDown: (second: number) => boolean = () => false,
  ) => {
    const watch = new LossWatch(DEFAULT_HEALTH_SETTINGS);
    let again = 0;
    let heardAt = 0;
    const told = retransmitted.map((more, second) => {
      again += more;
      const here = stalls.get(second);
      if (here?.whole !== true) heardAt = second;
      const sending = { sentBytes: SENT * second + again, retransmittedBytes: again, owedBytes: 0, heardAt, ...here };
      const stall = {
        since: heardAt,
        backoff: 0,
        checkFailed: false,
        aliveAt: undefined,
        refuted: false,
        newlyOwedBytes: 0,
      };
      const high = watch.isHigh(sending, here?.whole ? { ...stall, ...here, whole: true } : undefined, second);
      if (isDown(second)) watch.acquit(second);
      return high ? 1 : 0;
    });
    return told.join('');
  };
  const times = (count: number, value: number) => Array.from({ length: count }, () => value);
  /** So many seconds from one on. */
  const during = (from: number, seconds: number, what: Second) =>
    Array.from({ length: seconds }, (_, index) => [from + index, what] as const);
  const stalled = (from: number, seconds: number, what: Second = {}) => during(from, seconds, { whole: true, ...what });
  const never = /^0+$/;

  it('is told of a path that goes on and sends much again', () => {
    expect(highOf([...times(8, 0), ...times(12, SENT / 2)])).toMatch(/^0{12,16}1+$/);
  });

  it('is not told for what is sent again while nothing comes through', () => {
    expect(highOf([...times(8, 0), ...times(8, SENT), ...times(10, 0)], new Map(stalled(8, 8)))).toMatch(never);
  });

  it('is not told for what an outage owes, and is for what is sent again once that has arrived', () => {
    const afterOutage = (owedSeconds: number) => {
      const owing = during(13, owedSeconds, { owedBytes: 10 * SENT });
      const seconds = new Map<number, Second>([...stalled(8, 5, { owedBytes: 10 * SENT }), ...owing]);
      return highOf([...times(13, 0), ...times(10, SENT / 2)], seconds);
    };
    expect(afterOutage(10)).toMatch(never);
    expect(afterOutage(1)).toMatch(/1$/);
  });

  it('is told of stalls in a row that chance explains', () => {
    const seconds = new Map([...stalled(8, 4), ...stalled(14, 3), ...stalled(20, 1)]);
    expect(highOf([...times(8, 0), ...times(16, SENT / 2)], seconds)).toMatch(/1/);
  });

  it.each([
    ['checks get no answer', { checkFailed: true }],
    ['timers run out again and again', { backoff: 4 }],
  ])('is not told of outages some seconds apart: %s', (_what, thorough) => {
    const round = [...times(6, SENT / 2), ...times(6, 0)];
    const seconds = new Map([0, 1, 2, 3].flatMap((index) => stalled(8 + 12 * index, 6, thorough)));
    expect(highOf([...times(8, 0), ...round, ...round, ...round, ...round], seconds)).toMatch(never);
  });

  it('is not told for an outage soon after loss that was told', () => {
    const seconds = new Map([...stalled(8, 6, { refuted: true }), ...stalled(30, 6, { checkFailed: true })]);
    const lost = [...times(8, 0), ...times(6, SENT / 2), ...times(16, 0), ...times(6, SENT / 2), ...times(8, 0)];
    expect(highOf(lost, seconds)).toMatch(/^0+1+0{20,}$/);
  });

  it('is not told for stalls in a row during which the link itself is out', () => {
    const seconds = new Map([...stalled(8, 4), ...stalled(14, 3), ...stalled(20, 2)]);
    const down = (second: number) => seconds.has(second);
    expect(highOf([...times(8, 0), ...times(15, SENT / 2), ...times(8, 0)], seconds, down)).toMatch(never);
  });

  it('is not told for a burst right after an outage, as a slow start ends in', () => {
    const seconds = new Map(stalled(8, 8));
    expect(highOf([...times(8, 0), ...times(8, SENT), 0, SENT / 2, ...times(10, 0)], seconds)).toMatch(never);
  });

  it('is not told for what the second of two outages loses before it shows', () => {
    const failed = { checkFailed: true };
    const seconds = new Map<number, Second>([
      ...stalled(8, 6, failed),
      [20, { heardAt: 19 }],
      ...stalled(21, 6, { ...failed, since: 19 }),
    ]);
    const lost = [...times(8, 0), ...times(6, SENT / 2), ...times(6, 0), ...times(7, SENT / 2), ...times(6, 0)];
    expect(highOf(lost, seconds)).toMatch(never);
  });

  it('is told of a path that sends nothing any more but one segment again and again', () => {
    const attempts = [1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0];
    const sent = (second: number) => attempts.slice(0, second + 1).reduce((sum, segments) => sum + 1400 * segments, 0);
    const seconds = attempts.flatMap((_, second) =>
      stalled(8 + second, 1, { refuted: true, sentBytes: 8 * SENT + sent(second) }),
    );
    expect(highOf([...times(8, 0), ...attempts.map((segments) => 1400 * segments)], new Map(seconds))).toMatch(/1$/);
  });

  it('is told once checks get through while all is stalled', () => {
    const seconds = new Map([...stalled(8, 4), ...stalled(12, 8, { refuted: true })]);
    expect(highOf([...times(8, 0), ...times(12, SENT / 2)], seconds)).toBe('00000000000011111111');
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
