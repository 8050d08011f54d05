import { describe, expect, it } from 'vitest';
import { committedDashboards, panels } from '../support/dashboard.ts';

const DASHBOARDS = [...committedDashboards()];
const byUid = new Map(DASHBOARDS.map(([, dashboard]) => [dashboard.uid, dashboard]));

interface DataLink {
  readonly title: string;
  readonly url: string;
}

/** Links from cells, with the columns of the table they are in. */
const cells = DASHBOARDS.flatMap(([file, dashboard]) =>
  panels(dashboard).flatMap((panel) => {
    const organize = panel.transformations?.find(({ id }) => id === 'organize')?.options;
    const columns = Object.values((organize?.renameByName ?? {}) as Readonly<Record<string, string>>);
    return (panel.fieldConfig?.overrides ?? []).flatMap(({ matcher, properties }) =>
      properties
        .filter(({ id }) => id === 'links')
        .flatMap(({ value }) => value as readonly DataLink[])
        .map((link) => [`${file}: ${panel.title}, ${matcher.options}`, matcher.options, columns, link] as const),
    );
  }),
);

describe('from one dashboard to the others', () => {
  it.each(DASHBOARDS)('%s has buttons to all of them that keep time and variables', (_, dashboard) => {
    expect(dashboard.links).toHaveLength(1);
    expect(dashboard.links[0]).toMatchObject({
      type: 'dashboards',
      tags: ['mptcp'],
      keepTime: true,
      includeVars: true,
    });
    for (const [file, other] of DASHBOARDS) expect(other.tags, file).toContain('mptcp');
  });
});

describe('from a cell of a table', () => {
  it('a path leads to its dashboard and a connection to its subflows', () => {
    expect(new Set(cells.map(([, column]) => column))).toEqual(new Set(['Path', 'Connection']));
  });

  it.each(cells)('%s opens a dashboard of ours, with time, data source and job kept', (_, column, columns, { url }) => {
    const [path, query] = url.split('?');
    const dashboard = byUid.get(/^\/d\/([\w-]+)$/.exec(path ?? '')?.[1] ?? '');
    expect(dashboard, url).toBeDefined();
    const parts = (query ?? '').split('&');
    expect(parts.slice(0, 3)).toEqual(['${', '${', '${'].map((open, index) => `${open}${KEPT[index]}}`));
    const variables = dashboard?.templating.list.map(({ name }) => name);
    for (const part of parts.slice(3)) {
      const [, variable, field] = /^var-(\w+)=\$\{(__value\.raw|__data\.fields\.\w+):percentencode\}$/.exec(part) ?? [];
      expect(variables, part).toContain(variable);
      if (field !== '__value.raw') expect(columns).toContain(field?.replace('__data.fields.', ''));
    }
    expect(columns).toContain(column);
  });
});

const KEPT = ['__url_time_range', 'datasource:queryparam', 'job:queryparam'];
