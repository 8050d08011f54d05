import { readFileSync } from 'node:fs';
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

/** Why a query that reads the series may rightly be empty on a healthy machine, traffic and faults or not. */
export const MAY_BE_EMPTY: ReadonlyMap<string, string> = new Map([
  ['mptcp_interface_wifi_signal_dbm', 'needs a WiFi radio'],
  ['mptcp_interface_speed_bytes_per_second', 'drivers of virtual links, WiFi and modems tell no speed'],
  ['mptcp_exporter_errors_total', 'nothing has gone wrong in the exporter'],
]);
