import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Schedule } from '../../exporter/src/probe/schedule.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: new Date(2026, 0, 1, 12, 0, 30) });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Seconds after the start at which a schedule ran. */
function runs(timetable: ConstructorParameters<typeof Schedule>[0], seconds: number, random = () => 0): number[] {
  const start = performance.now();
  const times: number[] = [];
  const schedule = new Schedule(timetable, () => times.push((performance.now() - start) / 1000), random);
  schedule.start(0);
  vi.advanceTimersByTime(seconds * 1000);
  schedule.stop();
  expect(vi.getTimerCount()).toBe(0);
  return times;
}

describe('a schedule', () => {
  it('by interval begins at once and keeps its grid', () => {
    expect(runs({ intervalSeconds: 10, jitterSeconds: 0 }, 35)).toEqual([0, 10, 20, 30]);
  });

  it('puts each run off at random, which does not add up', () => {
    const numbers = [0.5, 0, 0.9, 0.1];
    expect(runs({ intervalSeconds: 10, jitterSeconds: 2 }, 35, () => numbers.shift() ?? 0)).toEqual([
      1, 10, 21.8, 30.2,
    ]);
  });

  it('staggers the first runs of several probes', () => {
    const times: number[] = [];
    const start = performance.now();
    const schedules = [0, 1, 2].map((place) => {
      const schedule = new Schedule({ intervalSeconds: 10, jitterSeconds: 0 }, () =>
        times.push(performance.now() - start),
      );
      schedule.start(place);
      return schedule;
    });
    vi.advanceTimersByTime(1000);
    for (const schedule of schedules) schedule.stop();
    expect(times).toEqual([0, 50, 100]);
  });

  it('by a cron pattern runs at those times, and waits long for rare ones', () => {
    expect(runs({ cron: '* * * * *', jitterSeconds: 0 }, 200)).toEqual([30, 90, 150]);
    expect(runs({ cron: '0 * * * *', jitterSeconds: 0 }, 2 * 3600)).toHaveLength(2);
    expect(runs({ cron: '0 3 * * *', jitterSeconds: 0 }, 3 * 86_400)).toHaveLength(3);
  });

  it('with jitter too, once each time', () => {
    expect(runs({ cron: '* * * * *', jitterSeconds: 20 }, 200, () => 0.5)).toEqual([40, 100, 160]);
  });

  it('heeds a clock that is set forward while it waits', () => {
    const times: number[] = [];
    const schedule = new Schedule({ cron: '0 13 * * *', jitterSeconds: 0 }, () => times.push(Date.now()));
    schedule.start(0);
    vi.advanceTimersByTime(30_000);
    vi.setSystemTime(new Date(2026, 0, 1, 12, 59, 50));
    vi.advanceTimersByTime(70_000);
    schedule.stop();
    expect(times).toHaveLength(1);
  });

  it('does not make up for the time in which the machine slept', () => {
    const times: number[] = [];
    const schedule = new Schedule({ intervalSeconds: 1, jitterSeconds: 0 }, () => times.push(performance.now()));
    schedule.start(0);
    vi.advanceTimersByTime(2500);
    const before = times.length;
    const now = performance.now.bind(performance);
    const slept = vi.spyOn(performance, 'now').mockImplementation(() => now() + 3_600_000);
    vi.advanceTimersByTime(3000);
    schedule.stop();
    slept.mockRestore();
    expect(times.length - before).toBeLessThanOrEqual(5);
    expect(times.length - before).toBeGreaterThanOrEqual(3);
  });
});
