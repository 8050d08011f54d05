import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type DynamicConfigValue,
  FieldColorBuilder,
  FieldColorModeId,
  type Panel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import {
  PanelBuilder as HeatmapBuilder,
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  HeatmapTooltipBuilder,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap';
import { PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { common, type PanelPlan, type Query, rangeQuery } from './panels.ts';

/** What a line chart may have besides. */
export interface LinesPlan extends PanelPlan {
  readonly stacking?: 'normal' | 'percent';
  /** Fixed colours by series name, or by `/pattern/`; the others get one by their name, so that a path looks the same in every chart. */
  readonly colours?: Readonly<Record<string, string>>;
  readonly max?: number;
  /** Values below 0 are possible. */
  readonly signed?: boolean;
  /** Their sum, as a line of its own that is not stacked. */
  readonly total?: string;
}

const TOTAL = 'Total';

/** Lines over time, from zero up, with the last and the highest value of each in the legend. */
export function lines(plan: LinesPlan, queries: readonly Query[]): Builder<Panel> {
  const all = plan.total === undefined ? queries : [...queries, { expr: plan.total, legend: TOTAL }];
  const builder = common(new TimeseriesBuilder(), plan)
    .targets(all.map((query, index) => rangeQuery(query, index)))
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
  if (plan.signed !== true) builder.min(0);
  if (plan.max !== undefined) builder.max(plan.max);
  colour(builder, plan.colours ?? {});
  if (plan.total !== undefined) {
    builder.overrideByName(TOTAL, [
      { id: 'color', value: { mode: FieldColorModeId.Fixed, fixedColor: 'text' } },
      { id: 'custom.stacking', value: { group: TOTAL, mode: StackingMode.None } },
      { id: 'custom.fillOpacity', value: 0 },
    ]);
  }
  return builder;
}

interface Overridable {
  overrideByName(name: string, properties: DynamicConfigValue[]): unknown;
  overrideByRegexp(regexp: string, properties: DynamicConfigValue[]): unknown;
}

/** Fixes the colours of series by their name, or by `/pattern/`. */
export function colour(builder: Overridable, colours: Readonly<Record<string, string>>): void {
  for (const [series, fixedColor] of Object.entries(colours)) {
    const properties = [{ id: 'color', value: { mode: FieldColorModeId.Fixed, fixedColor } }];
    if (series.startsWith('/')) builder.overrideByRegexp(series, properties);
    else builder.overrideByName(series, properties);
  }
}

function stackingMode(stacking: LinesPlan['stacking']): StackingMode {
  if (stacking === 'normal') return StackingMode.Normal;
  return stacking === 'percent' ? StackingMode.Percent : StackingMode.None;
}

/** A band per series that changes colour with its value: for what is either so or not, or in one of several states. */
export function bands(plan: PanelPlan, queries: readonly Query[]): Builder<Panel> {
  return common(new StateTimelineBuilder(), plan)
    .targets(queries.map((query, index) => rangeQuery(query, index)))
    .mergeValues(true)
    .showValue(VisibilityMode.Auto)
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

/** How often each value occurred over time, from the buckets of a classic histogram by their label `le`. */
export function heatmap(plan: PanelPlan, buckets: string): Builder<Panel> {
  return common(new HeatmapBuilder(), plan)
    .withTarget(rangeQuery({ expr: buckets, legend: '{{le}}' }, 0, PromQueryFormat.Heatmap))
    .calculate(false)
    .color(
      new HeatmapColorOptionsBuilder()
        .mode(HeatmapColorMode.Scheme)
        .scheme('Spectral')
        .exponent(0.5)
        .steps(64)
        .reverse(true),
    )
    .yAxis(new YAxisConfigBuilder().unit(plan.unit))
    .showValue(VisibilityMode.Never)
    .cellGap(1)
    .tooltip(new HeatmapTooltipBuilder().mode(TooltipDisplayMode.Single).yHistogram(true))
    .showLegend();
}
