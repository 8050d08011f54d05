import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram } from '../../exporter/src/mptcp/histogram.ts';

describe('a histogram', () => {
  it('counts each value at or below each bound, and all of them', () => {
    const bounds = [0.1, 1, 5];
    fc.assert(
      fc.property(fc.array(fc.constantFrom<number[]>(0, 0.1, 0.5, 1, 3, 5, 6)), (values) => {
        const histogram = new Histogram(bounds);
        for (const value of values) histogram.observe(value);
        expect(histogram.counts).toEqual(bounds.map((bound) => values.filter((value) => value <= bound).length));
        expect(histogram.count).toBe(values.length);
        expect(histogram.sum).toBeCloseTo(
          values.reduce((sum, value) => sum + value, 0),
          6,
        );
      }),
    );
  });
});
