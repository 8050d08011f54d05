import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { ANNOTATIONS } from './annotations.ts';
import { LINK_TO_ALL, TAG } from './links.ts';
import { DATASOURCE } from './panels.ts';
import { from, onPath } from './promql.ts';

/** A titled group of panels; `id` is unique among the ids of all rows and panels of its dashboard. */
export interface Row {
  readonly id: number;
  readonly title: string;
  readonly panels: readonly Builder<Panel>[];
  /** Shows the row once for each value chosen of this variable. */
  readonly repeat?: string;
}

/** What a dashboard says of itself, and its rows from the top. */
export interface DashboardPlan {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly Row[];
  /** How far back it looks at first; 15 minutes when absent. */
  readonly since?: string;
  /** How often it asks again; 5 s, as often as Prometheus scrapes, when absent. */
  readonly refresh?: string;
  /** Variables besides those that all have: over the values of `label` of `metric`. */
  readonly variables?: readonly { readonly label: string; readonly metric: string; readonly description: string }[];
}

/** A variable over the values of `label` in `selector`. More than one can be chosen, and all are at first unless `initially` is there. */
function labelVariable(label: string, selector: string, description: string, initially?: string): QueryVariableBuilder {
  const chosen = initially ?? '$__all';
  return new QueryVariableBuilder(label)
    .label(label)
    .description(description)
    .datasource(DATASOURCE)
    .query({ query: `label_values(${selector}, ${label})`, refId: `variable-${label}` })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ selected: true, text: [initially ?? 'All'], value: [chosen] });
}

/** A dashboard in the classic schema, with the variables, time range and refresh that all of ours share. */
export function frame(plan: DashboardPlan): Dashboard {
  const builder = new DashboardBuilder(plan.title)
    .uid(plan.uid)
    .description(plan.description)
    .tags([TAG])
    .timezone('browser')
    .time({ from: plan.since ?? 'now-15m', to: 'now' })
    .refresh(plan.refresh ?? '5s')
    .tooltip(DashboardCursorSync.Crosshair)
    .link(LINK_TO_ALL)
    .annotations([...ANNOTATIONS])
    .withVariable(
      new DatasourceVariableBuilder('datasource')
        .label('Data source')
        .description('The Prometheus that scrapes the exporter.')
        .type('prometheus')
        .current({ selected: true, text: 'Prometheus', value: 'mptcp-prometheus' }),
    )
    .withVariable(labelVariable('job', 'mptcp_up', 'The scrape job in prometheus.yml.', 'mptcp'))
    .withVariable(labelVariable('instance', 'mptcp_up{job=~"$job"}', 'The machine.'))
    .withVariable(
      labelVariable('path', from('mptcp_path_info'), 'The uplink: its configured name, else its interface.'),
    );
  for (const { label, metric, description } of plan.variables ?? []) {
    builder.withVariable(labelVariable(label, onPath(metric), description));
  }
  for (const row of plan.rows) {
    const heading = new RowBuilder(row.title).id(row.id);
    if (row.repeat !== undefined) heading.repeat(row.repeat);
    builder.withRow(heading);
    for (const panel of row.panels) builder.withPanel(panel);
  }
  return builder.build();
}
