import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { busiest } from '../../exporter/src/mptcp/busiest.ts';

describe('choosing the busiest', () => {
  it('keeps the highest scores in their order, at most the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), fc.nat(30), (scores, limit) => {
        const items = scores.map((score, index) => ({ score, index }));
        const chosen = busiest(
          items,
          limit,
          ({ score }) => score,
          () => false,
        );
        expect(chosen).toHaveLength(Math.min(limit, items.length));
        const indices = chosen.map(({ index }) => index);
        expect(indices).toEqual([...indices].sort((a, b) => a - b));
        const left = items.filter((item) => !chosen.includes(item));
        const least = Math.min(...chosen.map(({ score }) => score));
        if (chosen.length > 0) expect(left.every(({ score }) => score <= least)).toBe(true);
      }),
    );
  });

  it('among equals keeps those chosen before, so that series do not come and go', () => {
    const items = ['a', 'b', 'c', 'd'];
    expect(
      busiest(
        items,
        2,
        () => 0,
        (item) => item === 'd',
      ),
    ).toEqual(['a', 'd']);
    expect(
      busiest(
        items,
        2,
        (item) => (item === 'b' ? 1 : 0),
        (item) => item === 'd',
      ),
    ).toEqual(['b', 'd']);
  });
});
