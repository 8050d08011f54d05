import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../../exporter/src/metrics/catalogue.ts';
import { snakeCase } from '../../exporter/src/metrics/collectors/mib.ts';
import { committedDashboards, queries, variableQueries } from '../support/dashboard.ts';
import { groupingLabels, metricNames, selectors } from '../support/promql.ts';

const TARGET_LABELS = ['job', 'instance'];

/** Labels that each series in the exposition can have, by the name a query uses. */
const known = new Map<string, readonly string[]>([['up', []]]);
for (const { name, type, labels } of catalogue()) {
  if (type === 'histogram') {
    known
      .set(`${name}_bucket`, [...labels, 'le'])
      .set(`${name}_sum`, labels)
      .set(`${name}_count`, labels);
  } else {
    known.set(name, labels);
  }
}

/** Families that are named after what the kernel counts: those of the kernel the fixtures come from. */
const netstat = readFileSync(new URL('../fixtures/linux-6.18/client/proc-netstat.txt', import.meta.url), 'utf8');
for (const name of /^MPTcpExt: (MP.+)$/m.exec(netstat)?.[1]?.split(' ') ?? []) {
  known.set(`mptcp_mib_${snakeCase(name)}_total`, []);
}

const expressions = [...committedDashboards()].flatMap(([file, dashboard]) => [
  ...queries(dashboard).map(({ panel, refId, expr }): [string, string] => [`${file}: ${panel} ${refId}`, expr]),
  ...variableQueries(dashboard).map(({ selector }): [string, string] => [`${file}: variable`, selector]),
]);

describe('what the dashboards ask for', () => {
  it.each(expressions)('%s names only metrics that the exporter has', (_, expr) => {
    expect(metricNames(expr).filter((metric) => !known.has(metric))).toEqual([]);
  });

  it.each(expressions)('%s names only labels that those metrics have', (_, expr) => {
    const asked = selectors(expr);
    for (const { metric, labels } of asked) {
      expect([...(known.get(metric) ?? []), ...TARGET_LABELS]).toEqual(expect.arrayContaining([...labels]));
    }
    const present = [...asked.flatMap(({ metric }) => known.get(metric) ?? []), ...TARGET_LABELS];
    expect(present).toEqual(expect.arrayContaining(groupingLabels(expr)));
  });
});
