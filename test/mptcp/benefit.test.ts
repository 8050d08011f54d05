import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aggregationBenefit, aggregationGain, pathUtilisation } from '../../exporter/src/mptcp/benefit.ts';

/** Bytes per second, from a modem to a data centre. */
const rate = fc.double({ min: 1, max: 1e10, noNaN: true });
const rates = fc.array(rate, { minLength: 2, maxLength: 8 });
const notMeasured = fc.constantFrom(undefined, 0, -1, Number.NaN, Number.POSITIVE_INFINITY);

describe('the aggregation benefit', () => {
  it.each([
    [161, [88, 75], 0.973],
    [163, [88, 75], 1],
    [88, [88, 75], 0],
    [44, [88, 75], -0.5],
    [59.6, [55, 5.5], 0.836],
    [48.4, [55, 5.5], -0.12],
    [170, [88, 75], 1.093],
    [30, [10, 10, 10], 1],
  ])('of %f over MPTCP against %j alone is %f', (mptcp, alone, expected) => {
    expect(aggregationBenefit(mptcp, alone)).toBeCloseTo(expected, 3);
  });

  it('is 1 for the sum, 0 for the best path, and -1 at the least', () => {
    fc.assert(
      fc.property(rates, rate, (alone, mptcp) => {
        const best = Math.max(...alone);
        expect(aggregationBenefit(best, alone)).toBe(0);
        expect(
          aggregationBenefit(
            alone.reduce((sum, each) => sum + each),
            alone,
          ),
        ).toBeCloseTo(1, 3);
        expect(aggregationBenefit(mptcp, alone)).toBeGreaterThanOrEqual(-1);
      }),
    );
  });

  it('has the sign of what MPTCP gains over the best path, grows with it, and has no unit', () => {
    fc.assert(
      fc.property(rates, rate, rate, fc.double({ min: 0.001, max: 1000, noNaN: true }), (alone, a, b, unit) => {
        const [slower, faster] = [Math.min(a, b), Math.max(a, b)];
        const benefit = aggregationBenefit(slower, alone) ?? Number.NaN;
        expect(Math.sign(benefit)).toBe(Math.sign(slower - Math.max(...alone)));
        expect(aggregationBenefit(faster, alone)).toBeGreaterThanOrEqual(benefit);
        const scaled =
          aggregationBenefit(
            slower * unit,
            alone.map((each) => each * unit),
          ) ?? Number.NaN;
        expect(Math.abs(scaled - benefit)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(benefit)));
      }),
    );
  });

  it('is unknown for one path, since there is nothing to aggregate', () => {
    expect(aggregationBenefit(5, [10])).toBeUndefined();
    expect(aggregationBenefit(5, [])).toBeUndefined();
  });

  it('and the gain are unknown when any member of the round was not measured', () => {
    fc.assert(
      fc.property(rates, rate, notMeasured, fc.nat(), (alone, mptcp, missing, at) => {
        const lacking = alone.with(at % alone.length, missing as number);
        expect(aggregationBenefit(mptcp, lacking)).toBeUndefined();
        expect(aggregationGain(mptcp, lacking)).toBeUndefined();
        expect(aggregationBenefit(missing, alone)).toBeUndefined();
        expect(aggregationGain(missing, alone)).toBeUndefined();
      }),
    );
  });
});

describe('the aggregation gain', () => {
  it('is MPTCP by the best single path, of one path too', () => {
    expect(aggregationGain(161, [88, 75])).toBeCloseTo(1.83, 2);
    expect(aggregationGain(5, [10])).toBe(0.5);
    expect(aggregationGain(5, [])).toBeUndefined();
  });

  it('is above 1 exactly when the benefit is above 0', () => {
    fc.assert(
      fc.property(rates, rate, (alone, mptcp) => {
        const [gain = 0, benefit = 0] = [aggregationGain(mptcp, alone), aggregationBenefit(mptcp, alone)];
        expect(Math.sign(gain - 1)).toBe(Math.sign(benefit));
      }),
    );
  });
});

describe('the utilisation of a path', () => {
  const alone = new Map([
    ['eth', 80],
    ['lte', 20],
  ]);

  it('is what it carried of an MPTCP run by what it carries alone', () => {
    const used = pathUtilisation(
      90,
      alone,
      new Map([
        ['eth', 8000],
        ['lte', 1000],
      ]),
    );
    expect(used.get('eth')).toBeCloseTo(1);
    expect(used.get('lte')).toBeCloseTo(0.5);
  });

  it('is 0 on a path that MPTCP did not use, and unknown on one that was not measured', () => {
    const used = pathUtilisation(
      80,
      new Map([...alone, ['dsl', undefined]]),
      new Map([
        ['eth', 5],
        ['dsl', 5],
      ]),
    );
    expect(used.get('lte')).toBe(0);
    expect(used.has('dsl')).toBe(false);
  });

  it('is unknown when there was no run or it moved nothing', () => {
    expect(pathUtilisation(undefined, alone, new Map([['eth', 1]])).size).toBe(0);
    expect(pathUtilisation(90, alone, new Map()).size).toBe(0);
  });

  it('adds up to what MPTCP carried', () => {
    const paths = fc.array(fc.tuple(rate, fc.nat(1e9)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(paths, rate, (each, mptcp) => {
        fc.pre(each.some(([, bytes]) => bytes > 0));
        const rates = new Map(each.map(([carried], path) => [String(path), carried]));
        const used = pathUtilisation(mptcp, rates, new Map(each.map(([, bytes], path) => [String(path), bytes])));
        const sum = [...used].reduce((total, [path, share]) => total + share * (rates.get(path) ?? 0), 0);
        expect(Math.abs(sum - mptcp)).toBeLessThanOrEqual(1e-6 * mptcp);
      }),
    );
  });
});
