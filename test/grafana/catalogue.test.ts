import { describe, expect, it } from 'vitest';
import { annotationQueries, committedDashboards, queries, variableQueries } from '../support/dashboard.ts';
import { groupingLabels, metricNames, selectors } from '../support/promql.ts';
import { recordingRules } from '../support/rules.ts';
import { ALERT_SERIES, ALERTMANAGER_SERIES, exporterSeries, PROMETHEUS_SERIES } from '../support/series.ts';

const TARGET_LABELS = ['job', 'instance'];

/** Labels that each series can have, by the name a query uses. */
const known = new Map<string, readonly string[]>([
  ...exporterSeries(),
  ...PROMETHEUS_SERIES,
  ...ALERT_SERIES,
  ...ALERTMANAGER_SERIES,
]);
const recorded = new Set(recordingRules.map(({ record }) => record));

const expressions = [...committedDashboards()].flatMap(([file, dashboard]) => [
  ...[...queries(dashboard), ...annotationQueries(dashboard)].map(({ panel, refId, expr }): [string, string] => [
    `${file}: ${panel} ${refId}`,
    expr,
  ]),
  ...variableQueries(dashboard).map(({ selector }): [string, string] => [`${file}: variable`, selector]),
]);

/** Labels that an expression makes itself. */
function madeLabels(expr: string): string[] {
  return [...expr.matchAll(/, "(\w+)", "[^"]*", "\w*", "[^"]*"\)|label_join\(.*?, "(\w+)", /g)].map(
    ([, replaced, joined]) => replaced ?? joined ?? '',
  );
}

describe('what the dashboards ask for', () => {
  it.each(expressions)('%s names only metrics that the exporter, the rules or the stack have', (_, expr) => {
    expect(metricNames(expr).filter((metric) => !known.has(metric) && !recorded.has(metric))).toEqual([]);
  });

  it.each(expressions)('%s names only labels that those metrics have', (_, expr) => {
    const asked = selectors(expr).filter(({ metric }) => !recorded.has(metric));
    for (const { metric, labels } of asked) {
      expect([...(known.get(metric) ?? []), ...TARGET_LABELS]).toEqual(expect.arrayContaining([...labels]));
    }
    if (asked.length < selectors(expr).length) return;
    const present = [...asked.flatMap(({ metric }) => known.get(metric) ?? []), ...TARGET_LABELS, ...madeLabels(expr)];
    expect(present).toEqual(expect.arrayContaining(groupingLabels(expr)));
  });
});
