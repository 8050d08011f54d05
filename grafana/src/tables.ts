import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { TableSortByFieldStateBuilder } from '@grafana/grafana-foundation-sdk/common';
import {
  type DynamicConfigValue,
  type Panel,
  type Threshold,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import type { DataLink } from './links.ts';
import { common, instantQuery, type PanelPlan, refId } from './panels.ts';

/** A column that shows the value of its own query. */
export interface ValueColumn {
  readonly title: string;
  readonly expr: string;
  readonly unit: string;
  readonly thresholds?: readonly Threshold[];
  readonly mappings?: readonly ValueMapping[];
}

/** A table: a row per distinct set of the labels that all its queries share. */
export interface TablePlan extends PanelPlan {
  /** Queries that are read for their labels only (the `_info` families); their value, 1, is hidden. */
  readonly facts: readonly string[];
  /** Label columns from the left, by their title. Labels not named here are hidden. */
  readonly labels: Readonly<Record<string, string>>;
  /** Label columns at the right end, by their title. */
  readonly details?: Readonly<Record<string, string>>;
  /** Labels that the queries return and nobody needs to see. */
  readonly hidden?: readonly string[];
  /** What a click on a cell opens, by the title of its column. */
  readonly links?: Readonly<Record<string, DataLink>>;
  readonly values: readonly ValueColumn[];
  /** Title of the column to sort by, highest first. */
  readonly sortBy?: string;
}

/** Grafana's table of the newest values, its queries merged on the labels they share. A cell without a value is a dash. */
export function table(plan: TablePlan): Builder<Panel> {
  const queries = [...plan.facts, ...plan.values.map((column) => column.expr)];
  // Grafana names the value column after the query only when there are several.
  const valueField = (index: number): string => (queries.length === 1 ? 'Value' : `Value #${refId(index)}`);
  const labels = Object.entries(plan.labels);
  const values = plan.values.map((column, index) => ({ column, field: valueField(plan.facts.length + index) }));

  const renameByName = Object.fromEntries([
    ...labels,
    ...values.map(({ column, field }): [string, string] => [field, column.title]),
    ...Object.entries(plan.details ?? {}),
  ]);
  const hidden = [
    'Time',
    '__name__',
    'job',
    ...(plan.hidden ?? []),
    ...plan.facts.map((_, index) => valueField(index)),
  ];
  const builder = common(new TableBuilder(), plan)
    .targets(queries.map((expr, index) => instantQuery({ expr, legend: '' }, index, PromQueryFormat.Table)))
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: Object.fromEntries(hidden.map((name) => [name, true])),
        indexByName: Object.fromEntries(Object.keys(renameByName).map((name, index) => [name, index])),
        renameByName,
      },
    })
    .filterable(true)
    .overrideByRegexp('/.*/', [{ id: 'noValue', value: '–' }]);
  for (const { column } of values) builder.overrideByName(column.title, columnProperties(column));
  for (const [title, link] of Object.entries(plan.links ?? {})) {
    builder.overrideByName(title, [{ id: 'links', value: [link] }]);
  }
  if (plan.sortBy !== undefined) {
    builder.sortBy([new TableSortByFieldStateBuilder().displayName(plan.sortBy).desc(true)]);
  }
  return builder;
}

function columnProperties(column: ValueColumn): DynamicConfigValue[] {
  const properties: DynamicConfigValue[] = [{ id: 'unit', value: column.unit }];
  if (column.mappings !== undefined) properties.push({ id: 'mappings', value: column.mappings });
  if (column.thresholds !== undefined) {
    properties.push({ id: 'thresholds', value: { mode: ThresholdsMode.Absolute, steps: column.thresholds } });
  }
  if (column.mappings !== undefined || column.thresholds !== undefined) {
    properties.push({ id: 'custom.cellOptions', value: { type: 'color-text' } });
  }
  return properties;
}
