import { describe, expect, it } from 'vitest';
import { impair, type Shape } from './shape.ts';

const shape: Shape = { rateMbit: 50, delayMs: 10, lossPercent: 0, queueMs: 50 };

describe('what faults add to a link', () => {
  it('leaves a shape as it is when there is none, or none for this direction', () => {
    expect(impair(shape, 'up', [])).toEqual(shape);
    expect(impair(shape, 'up', [{ direction: 'down', lossPercent: 100, addedDelayMs: 1, rateFactor: 0.1 }])).toEqual(
      shape,
    );
  });

  it('adds up in any order', () => {
    const impairments = [
      { direction: 'both', lossPercent: 50, addedDelayMs: 250 },
      { direction: 'up', lossPercent: 50, addedDelayMs: 40, rateFactor: 0.1 },
    ] as const;
    const sum = { rateMbit: 5, delayMs: 300, lossPercent: 75, queueMs: 50 };
    expect(impair(shape, 'up', impairments)).toEqual(sum);
    expect(impair(shape, 'up', impairments.toReversed())).toEqual(sum);
    expect(impair(shape, 'down', impairments)).toEqual({ ...shape, delayMs: 260, lossPercent: 50 });
  });

  it('keeps a blackhole complete whatever else is wrong', () => {
    const impairments = [
      { direction: 'both', lossPercent: 100 },
      { direction: 'both', lossPercent: 30 },
    ] as const;
    expect(impair({ ...shape, lossPercent: 1 }, 'down', impairments).lossPercent).toBe(100);
  });

  it('cannot cut a rate that is not limited', () => {
    expect(() => impair({ ...shape, rateMbit: undefined }, 'up', [{ direction: 'up', rateFactor: 0.1 }])).toThrow(
      'create it with rateMbit',
    );
  });
});
