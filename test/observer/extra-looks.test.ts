import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ExtraLooks } from '../../exporter/src/observer/extra-looks.ts';

/** Extra looks that take so long each; `begun` has the moments at which they began. */
const make = (lookMs: number) => {
  const begun: number[] = [];
  const looks = new ExtraLooks(async () => {
    begun.push(Math.round(performance.now()));
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  });
  return { looks, begun };
};

/** Wants a look every so often for a while. */
const keepWanting = async (looks: ExtraLooks, everyMs: number, forMs: number) => {
  for (let passed = 0; passed < forMs; passed += everyMs) {
    looks.want();
    await vi.advanceTimersByTimeAsync(everyMs);
  }
};

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('extra looks', () => {
  it('begin at once', async () => {
    const { looks, begun } = make(1);
    const start = performance.now();
    looks.want();
    await vi.advanceTimersByTimeAsync(1);
    expect(begun).toEqual([Math.round(start)]);
  });

  it('are one for many wants of the same moment', async () => {
    const { looks, begun } = make(1);
    for (let i = 0; i < 1000; i++) looks.want();
    await vi.advanceTimersByTimeAsync(5000);
    expect(begun).toHaveLength(1);
  });

  it('are at least 100 ms apart and five a second, however much happens, and none waits longer than 0.2 s', async () => {
    const { looks, begun } = make(1);
    await keepWanting(looks, 3, 10_000);
    expect(begun.length).toBeGreaterThan(45);
    expect(begun.every((at, i) => at - (begun[i - 1] ?? Number.NEGATIVE_INFINITY) >= 100)).toBe(true);
    expect(begun.every((at, i) => at - (begun[i - 6] ?? Number.NEGATIVE_INFINITY) >= 1000)).toBe(true);
    expect(begun.every((at, i) => at - (begun[i - 1] ?? at) <= 205)).toBe(true);
    expect(begun.length).toBeLessThanOrEqual(52);
  });

  it('take at most a tenth of the time, so that many subflows do not make them dear', async () => {
    const { looks, begun } = make(80);
    await keepWanting(looks, 3, 7900);
    expect(begun).toHaveLength(10);
  });

  it('come again for what happened while one was under way, since it may have missed that', async () => {
    const { looks, begun } = make(50);
    looks.want();
    await vi.advanceTimersByTimeAsync(10);
    looks.want();
    await vi.advanceTimersByTimeAsync(5000);
    expect(begun).toHaveLength(2);
  });

  it('end when they are stopped, also one that is planned', async () => {
    const { looks, begun } = make(1);
    looks.want();
    await vi.advanceTimersByTimeAsync(10);
    looks.want();
    looks.stop();
    await vi.advanceTimersByTimeAsync(5000);
    expect(begun).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
