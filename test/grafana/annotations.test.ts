import { describe, expect, it } from 'vitest';
import { committedDashboards, withDurations } from '../support/dashboard.ts';
import { selectors, syntaxErrors } from '../support/promql.ts';

const DASHBOARDS = [...committedDashboards()];
const all = DASHBOARDS.flatMap(([file, { annotations }]) =>
  annotations.list.map((annotation) => [file, annotation.name, annotation] as const),
);

describe('events drawn over the charts', () => {
  it.each(DASHBOARDS)('%s marks changes of state and of configuration', (_, { annotations }) => {
    expect(annotations.list.map(({ name, enable }) => [name, enable])).toEqual([
      ['Path in trouble', true],
      ['Path well', true],
      ['Scheduler changed', true],
      ['Path manager changed', true],
      ['Endpoint added', true],
      ['Endpoint removed', true],
    ]);
  });

  it.each(all)('%s: %s is PromQL about the chosen machines, and says what happened where', (_, __, annotation) => {
    const expr = withDurations(annotation.expr);
    expect(annotation.datasource.uid).toBe('$datasource');
    expect(syntaxErrors(expr)).toEqual([]);
    for (const { matchers } of selectors(expr)) {
      expect(matchers).toEqual(expect.arrayContaining(['job=~"$job"', 'instance=~"$instance"']));
    }
    expect(annotation.titleFormat).toContain('{{instance}}');
    expect(annotation.textFormat).toMatch(/\S/);
  });
});
