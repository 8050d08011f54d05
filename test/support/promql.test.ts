import { describe, expect, it } from 'vitest';
import { groupingLabels, metricNames, selectors, syntaxErrors } from './promql.ts';

const QUERY = 'sum by (instance, path) (rate(a_total{job=~"$job", path="x y"}[20s])) / on (path) (b > 0) or c';

describe('reading PromQL', () => {
  it('finds every metric once', () => {
    expect(metricNames(`${QUERY} + c`)).toEqual(['a_total', 'b', 'c']);
  });

  it('tells the matchers, range and function of a selector', () => {
    expect(selectors(QUERY)[0]).toEqual({
      metric: 'a_total',
      matchers: ['job=~"$job"', 'path="xy"'],
      labels: ['job', 'path'],
      range: '20s',
      within: 'rate',
    });
  });

  it('tells the labels that vectors are grouped and matched by', () => {
    expect(groupingLabels(QUERY)).toEqual(['instance', 'path', 'path']);
  });

  it.each(['sum(', 'rate(x[$__rate_interval])', 'a{b=c}', 'sum by path (x) y'])(
    'names the place where %s goes wrong',
    (expression) => {
      expect(syntaxErrors(expression)).not.toEqual([]);
    },
  );

  it('accepts what Prometheus accepts', () => {
    expect(syntaxErrors(QUERY)).toEqual([]);
  });
});
