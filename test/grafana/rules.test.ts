import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { committedDashboards, type PanelJson, panels, type VariableJson, withDurations } from '../support/dashboard.ts';
import { selectors, syntaxErrors } from '../support/promql.ts';
import { isOfTheStack } from '../support/series.ts';

// The rules of grafana/dashboard-linter, which is a Go program, and those that section 7 of this project's design adds.

const DASHBOARDS = [...committedDashboards()];
const CORE_PANELS = new Set(['stat', 'timeseries', 'table', 'state-timeline', 'heatmap', 'bargauge', 'barchart']);
const UNITS = new Set(['none', 'short', 'Bps', 'decbytes', 's', 'percentunit', 'cps', 'pps', 'dBm', 'dateTimeFromNow']);
/** Panels about Prometheus itself, which scrapes more than exporters. */
const allMachines = new Set(['Targets', 'Memory']);
const RATES = new Set(['rate', 'irate', 'increase']);

const everyPanel = DASHBOARDS.flatMap(([file, dashboard]) =>
  panels(dashboard).map((panel): [string, string, PanelJson] => [file, panel.title ?? `panel ${panel.id}`, panel]),
);
const everyQuery = everyPanel.flatMap(([file, title, panel]) =>
  (panel.targets ?? []).map((target): [string, string, string, string] => [
    file,
    title,
    target.refId,
    withDurations(target.expr),
  ]),
);

describe('every dashboard', () => {
  it('has an identity of its own', () => {
    const uids = DASHBOARDS.map(([, { uid }]) => uid);
    expect(new Set(uids).size).toBe(uids.length);
    const titles = DASHBOARDS.map(([, { title }]) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });

  it.each(DASHBOARDS)('%s is in docs/dashboards.md', (_, { title }) => {
    const documentation = readFileSync(new URL('../../docs/dashboards.md', import.meta.url), 'utf8');
    expect(documentation).toContain(`| ${title} | `);
  });

  it.each(DASHBOARDS)('%s has a uid that Grafana takes, a range and a refresh', (_, dashboard) => {
    expect(dashboard.uid).toMatch(/^mptcp-[a-z-]{1,34}$/);
    expect(dashboard.title).toMatch(/^MPTCP \/ /);
    expect(dashboard.time?.from).toMatch(/^now-(?:15m|1h|6h|24h)$/);
    expect(dashboard.time?.to).toBe('now');
    expect(dashboard.refresh).toMatch(/^(?:5s|30s|1m)$/);
  });

  it.each(DASHBOARDS)('%s numbers its panels and rows once each', (_, dashboard) => {
    const ids = [...dashboard.panels, ...dashboard.panels.flatMap((panel) => panel.panels ?? [])].map(({ id }) => id);
    expect(ids.every((id) => Number.isInteger(id) && id > 0)).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(DASHBOARDS)('%s places its panels side by side, within 24 columns', (_, dashboard) => {
    const taken = new Set<string>();
    for (const { gridPos, title } of dashboard.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken.has(`${x},${y}`), `${title} covers another panel`).toBe(false);
          taken.add(`${x},${y}`);
        }
      }
    }
    const bottom = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
    expect(taken.size, 'there are gaps').toBe(24 * bottom);
  });

  it.each(DASHBOARDS)('%s lets the data source be chosen, ours first', (_, dashboard) => {
    const [datasource, ...others] = dashboard.templating.list.filter(({ type }) => type === 'datasource');
    expect(others).toEqual([]);
    expect(datasource).toMatchObject({
      name: 'datasource',
      label: 'Data source',
      query: 'prometheus',
      current: { value: 'mptcp-prometheus' },
    });
  });

  it.each(DASHBOARDS)('%s lets job, instance and path be chosen, many at once', (_, dashboard) => {
    const variable = (name: string): VariableJson | undefined =>
      dashboard.templating.list.find((candidate) => candidate.name === name);
    for (const name of ['job', 'instance', 'path']) {
      expect(variable(name)).toMatchObject({
        type: 'query',
        label: name,
        multi: true,
        includeAll: true,
        allValue: '.+',
        datasource: { uid: '$datasource' },
      });
    }
  });
});

describe('every panel', () => {
  it.each(everyPanel)('%s: %s is a core panel with words, a unit and a remedy when empty', (_, __, panel) => {
    expect(CORE_PANELS).toContain(panel.type);
    expect(panel.title).toMatch(/^\S.*\S$/);
    expect(panel.description).toMatch(/^\S.{30,}\.$/);
    expect(UNITS).toContain(panel.fieldConfig?.defaults.unit);
    expect(panel.fieldConfig?.defaults.noValue).toMatch(/\S{3}/);
  });

  it.each(everyPanel)('%s: %s asks the chosen data source', (_, __, panel) => {
    expect(panel.datasource).toEqual({ type: 'prometheus', uid: '$datasource' });
    expect(panel.targets?.length).toBeGreaterThan(0);
    for (const target of panel.targets ?? []) expect(target.datasource?.uid).toBe('$datasource');
    const refIds = (panel.targets ?? []).map(({ refId }) => refId);
    expect(new Set(refIds).size).toBe(refIds.length);
  });

  it.each(everyPanel.filter(([, , { type }]) => type === 'table'))('%s: %s can merge its rows', (_, __, panel) => {
    // A query without aggregation keeps __name__, which differs from query to query, and Grafana then merges nothing.
    for (const target of panel.targets ?? []) {
      expect(target).toMatchObject({ format: 'table', instant: true });
      expect(target.expr).toMatch(/^(?:sum|max) by \(instance\b/);
    }
  });

  it.each(everyPanel.filter(([, , { type }]) => type !== 'table'))('%s: %s names its series', (_, __, panel) => {
    for (const target of panel.targets ?? []) expect(target.legendFormat).toMatch(/\S/);
  });
});

const coloured = everyPanel.filter(([, , { type }]) => ['timeseries', 'bargauge', 'barchart'].includes(type));

describe('every path', () => {
  it.each(coloured)('%s: %s colours series by their names', (_, __, panel) => {
    expect(panel.fieldConfig?.defaults.color?.mode).toBe('palette-classic-by-name');
  });

  it.each(coloured)('%s: %s calls a path by the one name that gives it its colour', (_, __, panel) => {
    for (const { legendFormat, expr } of panel.targets ?? []) {
      const labels = new Set([...(legendFormat ?? '').matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label));
      if (labels.has('path') && labels.size === 2) expect(legendFormat).toBe('{{path}} on {{instance}}');
      if (labels.has('series')) expect(expr).toContain('"series", " on ", "path", "instance")');
    }
  });

  it('has a fixed colour where measurements call all of them together mptcp', () => {
    const measured = coloured.filter(([, , { targets }]) => targets?.some(({ expr }) => expr.includes('|mptcp"')));
    expect(measured.length).toBeGreaterThan(5);
    for (const [, title, { fieldConfig, targets }] of measured) {
      if (targets?.some(({ legendFormat }) => legendFormat?.includes('reason'))) continue;
      expect(fieldConfig?.overrides, title).toContainEqual({
        matcher: { id: 'byRegexp', options: '/^mptcp on /' },
        properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: 'dark-purple' } }],
      });
    }
  });
});

describe('every query', () => {
  it.each(everyQuery)('%s: %s %s is PromQL', (_, __, ___, expr) => {
    expect(syntaxErrors(expr)).toEqual([]);
    expect(expr).not.toMatch(/\$__/);
  });

  it.each(everyQuery)('%s: %s %s looks only at the chosen machines', (_, title, __, expr) => {
    for (const { metric, matchers } of selectors(expr)) {
      if (isOfTheStack(metric)) {
        expect(matchers.filter((matcher) => matcher.startsWith('job'))).toEqual([]);
        continue;
      }
      if (allMachines.has(title)) continue;
      expect(matchers).toContain('job=~"$job"');
      expect(matchers).toContain('instance=~"$instance"');
    }
  });

  it.each(everyQuery)('%s: %s %s takes rates over four scrapes, and of counters only rates', (_, __, ___, expr) => {
    for (const { metric, range, within } of selectors(expr)) {
      if (within === 'rate' || within === 'irate') expect(range).toBe('20s');
      if (metric.endsWith('_total') || /_(?:bucket|count|sum)$/.test(metric)) {
        expect(RATES).toContain(within);
        expect(range).toBeDefined();
      }
    }
  });
});
