import { readdirSync, readFileSync } from 'node:fs';
import { metricNames } from './promql.ts';
import { MAY_BE_EMPTY } from './series.ts';

/** What the tests read of a panel in Grafana's classic schema. */
export interface PanelJson {
  readonly id: number;
  readonly type: string;
  readonly title?: string;
  readonly description?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly instant?: boolean;
    readonly format?: string;
    readonly legendFormat?: string;
    readonly datasource?: { readonly uid: string };
  }[];
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string;
      readonly noValue?: string;
      readonly color?: { readonly mode: string };
    };
    readonly overrides?: readonly {
      readonly matcher: { readonly id: string; readonly options: string };
      readonly properties: readonly { readonly id: string; readonly value: unknown }[];
    }[];
  };
  readonly transformations?: readonly { readonly id: string; readonly options: Readonly<Record<string, unknown>> }[];
  /** Variable for whose values a row is repeated. */
  readonly repeat?: string;
  /** Of a collapsed row. */
  readonly panels?: readonly PanelJson[];
}

/** What the tests read of a dashboard variable. */
export interface VariableJson {
  readonly name: string;
  readonly type: string;
  readonly label?: string;
  readonly query?: string | { readonly query: string };
  readonly datasource?: { readonly uid: string };
  readonly multi?: boolean;
  readonly includeAll?: boolean;
  readonly allValue?: string;
  readonly current?: { readonly text: unknown; readonly value: unknown };
}

/** What the tests read of an annotation. */
export interface AnnotationJson {
  readonly name: string;
  readonly datasource: { readonly uid: string };
  readonly enable: boolean;
  readonly iconColor: string;
  readonly expr: string;
  readonly step: string;
  readonly titleFormat: string;
  readonly textFormat: string;
  readonly useValueForTime: boolean;
}

/** What the tests read of a dashboard's link. */
export interface LinkJson {
  readonly type: string;
  readonly tags: readonly string[];
  readonly keepTime: boolean;
  readonly includeVars: boolean;
}

/** What the tests read of a dashboard. */
export interface DashboardJson {
  readonly uid: string;
  readonly title: string;
  readonly refresh?: string;
  readonly time?: { readonly from: string; readonly to: string };
  readonly panels: readonly PanelJson[];
  readonly tags: readonly string[];
  readonly links: readonly LinkJson[];
  readonly annotations: { readonly list: readonly AnnotationJson[] };
  readonly templating: { readonly list: readonly VariableJson[] };
}

/** One query of a panel, its variables filled in so that Prometheus takes it. */
export interface PanelQuery {
  readonly panel: string;
  readonly refId: string;
  readonly expr: string;
  /** Grafana asks for this moment only. */
  readonly instant: boolean;
  /** Why it may rightly be empty on a healthy machine; absent when it may not. */
  readonly mayBeEmpty?: string;
}

const FOLDER = new URL('../../grafana/dashboards/', import.meta.url);

/** The committed dashboards, by file name. */
export function committedDashboards(): Map<string, DashboardJson> {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  return new Map(files.map((name) => [name, JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as DashboardJson]));
}

/** All panels, those of collapsed rows too, the rows themselves not. */
export function panels(dashboard: DashboardJson): PanelJson[] {
  return dashboard.panels.flatMap((panel) => (panel.type === 'row' ? (panel.panels ?? []) : [panel]));
}

/** `expression` with Grafana's built-in durations in place, its dashboard variables left as they are. */
export function withDurations(expression: string): string {
  return expression
    .replaceAll('$__rate_interval', '20s')
    .replaceAll('$__interval', '5s')
    .replaceAll('$__range', '900s');
}

/** What stands in the place of a variable when "All" is chosen, and when values are. */
const ALL = '.+';

/** `expression` as Grafana sends it with everything or `chosen` chosen, a range of 15 minutes and a scrape interval of 5 s. */
function filled(expression: string, chosen: Readonly<Record<string, string>> = {}): string {
  return withDurations(expression).replaceAll(
    /\$(job|instance|path|token)\b/g,
    (_, variable: string) => chosen[variable] ?? ALL,
  );
}

/** Every query of every panel, ready for Prometheus; a value of each variable may be chosen. */
export function queries(dashboard: DashboardJson, chosen?: Readonly<Record<string, string>>): PanelQuery[] {
  return panels(dashboard).flatMap((panel) =>
    (panel.targets ?? []).map((target) => {
      const expr = filled(target.expr, chosen);
      return {
        panel: panel.title ?? String(panel.id),
        refId: target.refId,
        expr,
        instant: target.instant === true,
        ...whyEmpty(metricNames(expr)),
      };
    }),
  );
}

function whyEmpty(metrics: readonly string[]): { mayBeEmpty?: string } {
  const [reason] = metrics.flatMap((metric) => MAY_BE_EMPTY.get(metric) ?? []);
  return reason === undefined ? {} : { mayBeEmpty: reason };
}

/** The queries of the dashboard's annotations, ready for Prometheus. */
export function annotationQueries(dashboard: DashboardJson): PanelQuery[] {
  return dashboard.annotations.list.map(({ name, expr: written }) => {
    const expr = filled(written);
    return { panel: name, refId: 'annotation', expr, instant: false, ...whyEmpty(metricNames(expr)) };
  });
}

/** Where a dashboard's variable takes its values from. */
export interface VariableQuery {
  readonly variable: string;
  /** Ready for Prometheus. */
  readonly selector: string;
  readonly label: string;
}

/** The queries of the dashboard's variables. */
export function variableQueries(dashboard: DashboardJson): VariableQuery[] {
  return dashboard.templating.list.flatMap((variable) => {
    const query = typeof variable.query === 'string' ? variable.query : variable.query?.query;
    const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(query ?? '') ?? [];
    if (selector === undefined || label === undefined) return [];
    return [{ variable: variable.name, selector: filled(selector), label }];
  });
}
