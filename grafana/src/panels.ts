import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  type DataSourceRef,
  ReduceDataOptionsBuilder,
  VizOrientation,
} from '@grafana/grafana-foundation-sdk/common';
import {
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  type Panel,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';

/** The dashboard's data source variable; no panel names a data source itself. */
export const DATASOURCE: DataSourceRef = { type: 'prometheus', uid: '$datasource' };

/** One expression, and the name of each series it gives (Grafana's `{{label}}` syntax). */
export interface Query {
  readonly expr: string;
  readonly legend: string;
}

/** What every panel has. */
export interface PanelPlan {
  /** Stays the same when panels come and go: links to a single panel contain it. */
  readonly id: number;
  readonly title: string;
  /** Plain words: what this is, and what to do when it looks bad. */
  readonly description: string;
  /** Grafana's name of the unit: `Bps` bytes per second, `s` seconds, `percentunit` 0 to 1. */
  readonly unit: string;
  /** Stands in an empty panel: why there may be nothing, and what to do. */
  readonly noValue: string;
  /** In the grid's columns, of 24. */
  readonly width: number;
  /** In the grid's rows of 30 pixels. */
  readonly height: number;
  readonly thresholds?: readonly Threshold[];
  readonly mappings?: readonly ValueMapping[];
}

/** Letters that Grafana gives to a panel's queries, in order. */
export function refId(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index);
}

/** A query for the values of this moment, in the form that a table needs or one number per series. */
export function instantQuery(query: Query, index: number, format: PromQueryFormat): DataqueryBuilder {
  return new DataqueryBuilder()
    .datasource(DATASOURCE)
    .refId(refId(index))
    .expr(query.expr)
    .legendFormat(query.legend)
    .format(format)
    .instant();
}

/** A query for the values over the dashboard's time range. */
export function rangeQuery(
  query: Query,
  index: number,
  format: PromQueryFormat = PromQueryFormat.TimeSeries,
): DataqueryBuilder {
  return new DataqueryBuilder()
    .datasource(DATASOURCE)
    .refId(refId(index))
    .expr(query.expr)
    .legendFormat(query.legend)
    .format(format)
    .range();
}

/** Value mapping from numbers to words and colours. */
export function words(meanings: Readonly<Record<string, readonly [text: string, colour: string]>>): ValueMapping {
  const options = Object.fromEntries(
    Object.entries(meanings).map(([value, [text, color]], index) => [value, { text, color, index }]),
  );
  return { type: MappingType.ValueToText, options };
}

/** Thresholds: `base` from the bottom, then each colour from its value on. */
export function steps(base: string, ...above: readonly (readonly [value: number, colour: string])[]): Threshold[] {
  return [{ value: null, color: base }, ...above.map(([value, color]) => ({ value, color }))];
}

/** Builder methods that every kind of panel shares, by name, so that {@link common} can serve them all. */
interface CommonBuilder {
  id(id: number): this;
  title(title: string): this;
  description(description: string): this;
  datasource(datasource: DataSourceRef): this;
  unit(unit: string): this;
  noValue(noValue: string): this;
  span(width: number): this;
  height(height: number): this;
  thresholds(thresholds: ThresholdsConfigBuilder): this;
  mappings(mappings: ValueMapping[]): this;
}

/** Gives `builder` what every panel has, and returns it. */
export function common<B extends CommonBuilder>(builder: B, plan: PanelPlan): B {
  return builder
    .id(plan.id)
    .title(plan.title)
    .description(plan.description)
    .datasource(DATASOURCE)
    .unit(plan.unit)
    .noValue(plan.noValue)
    .span(plan.width)
    .height(plan.height)
    .mappings([...(plan.mappings ?? [])])
    .thresholds(
      new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...(plan.thresholds ?? steps('blue'))]),
    );
}

/** One number per series, as it is now; colour by threshold or mapping. */
export function stat(plan: PanelPlan, query: Query): Builder<Panel> {
  return common(new StatBuilder(), plan)
    .withTarget(instantQuery(query, 0, PromQueryFormat.TimeSeries))
    .orientation(VizOrientation.Auto)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false))
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .textMode(BigValueTextMode.Auto)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds));
}
