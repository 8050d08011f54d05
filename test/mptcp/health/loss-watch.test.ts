import { describe, expect, it } from 'vitest';
import { LossWatch, type Sending, type Stall } from '../../../exporter/src/mptcp/health/loss-watch.ts';
import { DEFAULT_HEALTH_SETTINGS } from '../../../exporter/src/mptcp/health/settings.ts';

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
      if (isDown(second)) watch.linkDown(second);
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
