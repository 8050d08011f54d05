import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { REFLECTOR_FAMILIES } from '../../exporter/src/metrics/reflector.ts';
import { groupingLabels, metricNames, selectors, syntaxErrors } from '../support/promql.ts';
import { alertingRules, queriesInText, recordingRules } from '../support/rules.ts';
import { exporterSeries, PROMETHEUS_SERIES } from '../support/series.ts';

const ROOT = new URL('../../', import.meta.url);

/** Labels of targets; `site` is one that a user may give them (prometheus.yml). */
const TARGET_LABELS = ['job', 'instance', 'site'];

/** Labels that rules make. */
const MADE_LABELS = ['direction', 'end', 'family'];

const built = new Map([...exporterSeries(), ...PROMETHEUS_SERIES]);
const recorded = new Set(recordingRules.map(({ record }) => record));
const exists = (name: string) => built.has(name) || recorded.has(name);

const expressions = [
  ...recordingRules.map(({ record, expr }): [string, string] => [record, expr]),
  ...alertingRules.flatMap((rule): [string, string][] => [
    [rule.alert, rule.expr],
    ...queriesInText(rule).map((query): [string, string] => [`the text of ${rule.alert}`, query]),
  ]),
];

describe('what the rules ask for', () => {
  it.each(expressions)('%s is PromQL', (_, expr) => {
    expect(syntaxErrors(expr)).toEqual([]);
  });

  it.each(expressions)('%s names only metrics that exist', (_, expr) => {
    expect(metricNames(expr).filter((name) => !exists(name))).toEqual([]);
  });

  it.each(expressions)('%s names only labels that there are', (_, expr) => {
    const asked = selectors(expr);
    for (const { metric, labels } of asked) {
      const own = built.get(metric);
      if (own !== undefined) expect([...own, ...TARGET_LABELS]).toEqual(expect.arrayContaining([...labels]));
    }
    const all = new Set([...built.values()].flat());
    expect([...all, ...TARGET_LABELS, ...MADE_LABELS]).toEqual(expect.arrayContaining(groupingLabels(expr)));
  });
});

describe('what the texts name', () => {
  const folder = (path: string) => readdirSync(new URL(path, ROOT)).map((name) => `${path}${name}`);
  const texts = [...folder('docs/runbooks/'), ...folder('docs/'), 'README.md'].filter((path) => path.endsWith('.md'));
  /** Not metrics: what the kernel and its interfaces are called. */
  const OTHERS = new Set(['mptcp_pm', 'mptcp_info', 'mptcp_enabled']);
  const names = [...built.keys(), ...REFLECTOR_FAMILIES.map(({ name }) => name), ...recorded];

  it.each(texts)('%s: every metric, or beginning of several, is one of the exporter or of the rules', (path) => {
    const text = readFileSync(new URL(path, ROOT), 'utf8');
    const named = new Set(
      [...text.matchAll(/(?<![\w.:/-])(?:[a-z_]+:)?mptcp_[a-z0-9_]+(?::[a-z0-9_]+)?/g)].map(([name]) => name),
    );
    const unknown = [...named].filter((name) => !OTHERS.has(name) && !names.some((known) => known.startsWith(name)));
    expect(unknown).toEqual([]);
  });
});
