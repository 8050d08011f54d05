import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  type DataSourceRef,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
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
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

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

function rangeQuery(query: Query, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .datasource(DATASOURCE)
    .refId(refId(index))
    .expr(query.expr)
    .legendFormat(query.legend)
    .format(PromQueryFormat.TimeSeries)
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
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false))
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .textMode(BigValueTextMode.Auto)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds));
}

/** What a line chart may have besides. */
export interface LinesPlan extends PanelPlan {
  readonly stacking?: 'normal' | 'percent';
  /** Fixed colours by series name; the others get one by their name, so that a path looks the same in every chart. */
  readonly colours?: Readonly<Record<string, string>>;
  readonly max?: number;
}

/** Lines over time, from zero up, with the last and the highest value of each in the legend. */
export function lines(plan: LinesPlan, queries: readonly Query[]): Builder<Panel> {
  const builder = common(new TimeseriesBuilder(), plan)
    .targets(queries.map(rangeQuery))
    .min(0)
    .lineWidth(1)
    .fillOpacity(plan.stacking === undefined ? 10 : 40)
    .showPoints(VisibilityMode.Auto)
    .stacking(new StackingConfigBuilder().group('A').mode(stackingMode(plan.stacking)))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassicByName))
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(['lastNotNull', 'max']),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
  if (plan.max !== undefined) builder.max(plan.max);
  for (const [series, fixedColor] of Object.entries(plan.colours ?? {})) {
    builder.overrideByName(series, [{ id: 'color', value: { mode: FieldColorModeId.Fixed, fixedColor } }]);
  }
  return builder;
}

function stackingMode(stacking: LinesPlan['stacking']): StackingMode {
  if (stacking === 'normal') return StackingMode.Normal;
  return stacking === 'percent' ? StackingMode.Percent : StackingMode.None;
}

/** A band per series that changes colour with its value: for what is either so or not. */
export function bands(plan: PanelPlan, queries: readonly Query[]): Builder<Panel> {
  return common(new StateTimelineBuilder(), plan)
    .targets(queries.map(rangeQuery))
    .mergeValues(true)
    .showValue(VisibilityMode.Never)
    .rowHeight(0.8)
    .fillOpacity(80)
    .lineWidth(0)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Single).sort(SortOrder.None));
}
