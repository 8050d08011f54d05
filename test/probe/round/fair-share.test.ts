import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fairShare } from '../../../exporter/src/probe/round/fair-share.ts';

describe('a fair share', () => {
  it.each([
    [100, [10, 20, 30], 10],
    [100, [90, 5, 5], 90],
    [90, [90, 90, 90], 30],
    [90, [90, 10, 90], 40],
    [90, [10, 90, 90], 10],
    [90, [Number.POSITIVE_INFINITY, 30], 60],
    [90, [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY], 45],
    [Number.POSITIVE_INFINITY, [Number.POSITIVE_INFINITY], Number.POSITIVE_INFINITY],
    [Number.POSITIVE_INFINITY, [7, Number.POSITIVE_INFINITY], 7],
    [0, [5, 5], 0],
  ])('of %d among %j is %d for the first', (amount, needs, share) => {
    expect(fairShare(amount, needs)).toBe(share);
  });

  it('is never more than is needed, never more than there is when all take theirs in turn, and uses it up if it can', () => {
    const need = fc.oneof(fc.nat(1e6), fc.constant(Number.POSITIVE_INFINITY));
    fc.assert(
      fc.property(fc.nat(1e6), fc.array(need, { minLength: 1, maxLength: 12 }), (amount, needs) => {
        let left = amount;
        for (const [index, one] of needs.entries()) {
          const share = fairShare(left, needs.slice(index));
          expect(share).toBeLessThanOrEqual(one);
          left -= share;
        }
        expect(left).toBeGreaterThanOrEqual(-1e-6);
        const wanted = needs.reduce((sum, one) => sum + one, 0);
        expect(left).toBeCloseTo(Math.max(0, amount - wanted), 3);
      }),
    );
  });
});
