import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { catalogue } from '../../exporter/src/metrics/catalogue.ts';
import { snakeCase } from '../../exporter/src/metrics/collectors/mib.ts';

/** Labels by the name of a series, as a query writes it. */
export type Series = ReadonlyMap<string, readonly string[]>;

const repository = (path: string) => new URL(`../../${path}`, import.meta.url);

/** Every series of the exporter's exposition: the catalogue's, and what the kernel of the fixtures counts. */
export function exporterSeries(): Series {
  const found = new Map<string, readonly string[]>();
  for (const { name, type, labels } of catalogue()) {
    if (type === 'histogram') {
      found
        .set(`${name}_bucket`, [...labels, 'le'])
        .set(`${name}_sum`, labels)
        .set(`${name}_count`, labels);
    } else {
      found.set(name, labels);
    }
  }
  const netstat = readFileSync(repository('test/fixtures/linux-6.18/client/proc-netstat.txt'), 'utf8');
  for (const name of /^MPTcpExt: (MP.+)$/m.exec(netstat)?.[1]?.split(' ') ?? []) {
    found.set(`mptcp_mib_${snakeCase(name)}_total`, []);
  }
  return found;
}

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly { readonly record?: string; readonly alert?: string }[] }[];
}

interface PrometheusFile {
  readonly scrape_configs: readonly { readonly job_name: string }[];
  readonly rule_files?: readonly string[];
}

const prometheusFile = () => parse(readFileSync(repository('prometheus/prometheus.yml'), 'utf8')) as PrometheusFile;

/** Names that the rules which the shipped prometheus.yml loads record, and alerts that they raise. */
export function shippedRules(): { readonly recorded: readonly string[]; readonly alerts: readonly string[] } {
  const folder = repository('prometheus/rules/');
  const loaded = (prometheusFile().rule_files ?? []).length > 0 && existsSync(folder);
  const files = loaded ? readdirSync(folder).filter((name) => name.endsWith('.yml')) : [];
  const rules = files.flatMap((name) =>
    (parse(readFileSync(new URL(name, folder), 'utf8')) as RuleFile).groups.flatMap((group) => group.rules),
  );
  return {
    recorded: rules.flatMap(({ record }) => record ?? []),
    alerts: rules.flatMap(({ alert }) => alert ?? []),
  };
}

/** What Prometheus makes of each scrape, and its own metrics, as far as the dashboards use them. */
export const PROMETHEUS_SERIES: Series = new Map([
  ['up', []],
  ['scrape_duration_seconds', []],
  ['scrape_samples_scraped', []],
  ['prometheus_build_info', ['version']],
  ['prometheus_config_last_reload_successful', []],
  ['prometheus_notifications_alertmanagers_discovered', []],
  ['prometheus_notifications_dropped_total', []],
  ['prometheus_rule_evaluation_failures_total', ['rule_group']],
  ['prometheus_rule_group_last_duration_seconds', ['rule_group']],
  ['prometheus_tsdb_compactions_failed_total', []],
  ['prometheus_tsdb_head_samples_appended_total', ['type']],
  ['prometheus_tsdb_head_series', []],
  ['prometheus_tsdb_retention_limit_bytes', []],
  ['prometheus_tsdb_storage_blocks_bytes', []],
  ['prometheus_tsdb_wal_corruptions_total', []],
]);

/** What Prometheus makes of rules that raise alerts. */
export const ALERT_SERIES: Series = new Map([
  ['ALERTS', ['alertname', 'alertstate', 'severity', 'path']],
  ['ALERTS_FOR_STATE', ['alertname', 'severity', 'path']],
]);

/** What the rules record of paths, as far as the dashboards use it. */
const RECORDED_SERIES: Series = new Map([
  ['path:mptcp_path_up:avg1d', ['path']],
  ['path:mptcp_path_up:avg7d', ['path']],
  ['path:mptcp_path_up:avg30d', ['path']],
  ['path_direction:mptcp_path_bytes:utc_day', ['path', 'direction']],
  ['path_direction:mptcp_path_bytes:utc_month', ['path', 'direction']],
]);

/** Alertmanager's own metrics, as far as the dashboards use them. */
export const ALERTMANAGER_SERIES: Series = new Map([
  ['alertmanager_alerts', ['state']],
  ['alertmanager_config_last_reload_successful', []],
  ['alertmanager_notifications_total', ['integration']],
  ['alertmanager_notifications_failed_total', ['integration', 'reason']],
]);

/** Series that carry no job and instance of an exporter, so that a dashboard's variables do not choose among them. */
export const isOfTheStack = (metric: string) =>
  /^(?:prometheus|alertmanager)_/.test(metric) || ALERT_SERIES.has(metric);

/** Series that dashboards ask for and that nothing here gives yet, with their labels and what is to bring them. */
export function notBuiltYet(): ReadonlyMap<string, { readonly labels: readonly string[]; readonly until: string }> {
  const { recorded, alerts } = shippedRules();
  const without = (series: Series, isThere: (metric: string) => boolean): Series =>
    new Map([...series].filter(([metric]) => !isThere(metric)));
  const rulesAreThere = recorded.length + alerts.length > 0;
  const lists: readonly (readonly [Series, string])[] = [
    [without(RECORDED_SERIES, (metric) => recorded.includes(metric)), 'no rule records it yet'],
    [without(ALERT_SERIES, () => alerts.length > 0), 'no alert rules are loaded yet'],
    [
      without(PROMETHEUS_SERIES, (metric) => rulesAreThere || !metric.startsWith('prometheus_rule_')),
      'no rules are loaded yet',
    ],
    [
      without(ALERTMANAGER_SERIES, () =>
        prometheusFile().scrape_configs.some(({ job_name: job }) => job === 'alertmanager'),
      ),
      'prometheus.yml does not scrape Alertmanager yet',
    ],
  ];
  return new Map(
    lists.flatMap(([series, until]) => [...series].map(([metric, labels]) => [metric, { labels, until }] as const)),
  );
}

/** What only probes bring, and only where some are configured. */
const PROBE_FAMILIES: readonly string[] = [
  'mptcp_probe_success',
  'mptcp_probe_last_success_timestamp_seconds',
  'mptcp_probe_rtt_seconds_bucket',
  'mptcp_probe_jitter_seconds',
  'mptcp_probe_requests_total',
  'mptcp_probe_replies_total',
  'mptcp_probe_failures_total',
  'mptcp_probe_throughput_bytes_per_second',
  'mptcp_probe_loaded_rtt_seconds',
  'mptcp_probe_transfer_duration_seconds',
  'mptcp_probe_transfer_gain_ratio',
  'mptcp_probe_measured_timestamp_seconds',
  'mptcp_probe_sent_bytes_total',
  'mptcp_probe_received_bytes_total',
  'mptcp_probe_budget_remaining_bytes',
  'mptcp_aggregation_benefit_ratio',
  'mptcp_aggregation_gain_ratio',
  'mptcp_path_utilisation_ratio',
  'mptcp_recommendation_info',
];

/** Why a query that reads the series may rightly be empty on a healthy machine, traffic and faults or not. */
export const MAY_BE_EMPTY: ReadonlyMap<string, string> = new Map([
  ['mptcp_interface_wifi_signal_dbm', 'needs a WiFi radio'],
  ['mptcp_interface_speed_bytes_per_second', 'drivers of virtual links, WiFi and modems tell no speed'],
  ['mptcp_exporter_errors_total', 'nothing has gone wrong in the exporter'],
  ...PROBE_FAMILIES.map((metric) => [metric, 'needs probes, which the lab of this test does not run'] as const),
]);
