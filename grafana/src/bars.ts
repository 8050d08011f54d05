import { PanelBuilder as BarChartBuilder } from '@grafana/grafana-foundation-sdk/barchart';
import { PanelBuilder as BarGaugeBuilder } from '@grafana/grafana-foundation-sdk/bargauge';
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BarGaugeDisplayMode,
  BarGaugeNamePlacement,
  BarGaugeValueMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { FieldColorBuilder, FieldColorModeId, type Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { colour } from './charts.ts';
import { common, instantQuery, type PanelPlan, type Query } from './panels.ts';

/** Bars may have colours of their own, as lines may; else a bar has the colour that its name has in every chart. */
export interface BarsPlan extends PanelPlan {
  readonly colours?: Readonly<Record<string, string>>;
}

/** A horizontal bar per series, from zero, with its value as it is now. */
export function bars(plan: BarsPlan, query: Query): Builder<Panel> {
  const builder = common(new BarGaugeBuilder(), plan)
    .withTarget(instantQuery(query, 0, PromQueryFormat.TimeSeries))
    .min(0)
    .orientation(VizOrientation.Horizontal)
    .displayMode(BarGaugeDisplayMode.Basic)
    .valueMode(BarGaugeValueMode.Text)
    .namePlacement(BarGaugeNamePlacement.Auto)
    .showUnfilled(true)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassicByName));
  colour(builder, plan.colours ?? {});
  return builder;
}

/** What grouped bars have besides. */
export interface GroupedBarsPlan extends BarsPlan {
  /** One instant value per series; the order of the series is the order of the groups. */
  readonly expr: string;
  /** Label whose values are the groups along the axis. */
  readonly group: string;
  /** Label whose values are the bars in each group; it names their colour. */
  readonly bar: string;
}

/** Bars side by side for each value of one label, one for each value of another. */
export function groupedBars(plan: GroupedBarsPlan): Builder<Panel> {
  const builder = common(new BarChartBuilder(), plan)
    .withTarget(instantQuery({ expr: plan.expr, legend: `{{${plan.bar}}}` }, 0, PromQueryFormat.Table))
    .withTransformation({
      id: 'groupingToMatrix',
      options: { columnField: plan.bar, rowField: plan.group, valueField: 'Value', emptyValue: 'null' },
    })
    .min(0)
    .orientation(VizOrientation.Auto)
    .stacking(StackingMode.None)
    .showValue(VisibilityMode.Auto)
    .barWidth(0.9)
    .groupWidth(0.8)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassicByName))
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.None));
  colour(builder, plan.colours ?? {});
  return builder;
}
