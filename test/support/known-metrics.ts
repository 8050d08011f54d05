import { readFileSync } from 'node:fs';
import { catalogue } from '../../exporter/src/metrics/catalogue.ts';
import { snakeCase } from '../../exporter/src/metrics/collectors/mib.ts';

/** Metrics of probes that rules are written for and the exporter does not have yet, with their labels. Gone once it has them. */
export const NOT_BUILT_YET: ReadonlyMap<string, readonly string[]> = new Map([
  ['mptcp_probe_success', ['probe', 'path', 'target']],
  ['mptcp_probe_last_success_timestamp_seconds', ['probe', 'path', 'target']],
  ['mptcp_probe_failures_total', ['probe', 'path', 'target', 'reason']],
  ['mptcp_probe_budget_remaining_bytes', ['path', 'period']],
  ['mptcp_probe_sent_bytes_total', ['path']],
  ['mptcp_probe_received_bytes_total', ['path']],
  ['mptcp_probe_measured_timestamp_seconds', ['probe', 'path', 'target']],
  ['mptcp_probe_throughput_bytes_per_second', ['path', 'direction', 'target']],
  ['mptcp_aggregation_benefit_ratio', ['direction', 'target']],
  ['mptcp_path_utilisation_ratio', ['path', 'direction']],
  ['mptcp_recommendation_info', ['path', 'action', 'reason']],
]);

/** What Prometheus itself says of a target. */
const OF_TARGETS = ['up'];

/** Each series that the exporter, or Prometheus about it, can give, with its labels other than those of the target. */
export function exporterSeries(): Map<string, readonly string[]> {
  const known = new Map<string, readonly string[]>(OF_TARGETS.map((name) => [name, []]));
  for (const { name, type, labels } of catalogue()) {
    if (type === 'histogram') {
      known
        .set(`${name}_bucket`, [...labels, 'le'])
        .set(`${name}_sum`, labels)
        .set(`${name}_count`, labels);
    } else {
      known.set(name, labels);
    }
  }
  // Named after what the kernel counts: those of the kernel that the fixtures come from.
  const netstat = readFileSync(new URL('../fixtures/linux-6.18/client/proc-netstat.txt', import.meta.url), 'utf8');
  for (const name of /^MPTcpExt: (MP.+)$/m.exec(netstat)?.[1]?.split(' ') ?? []) {
    known.set(`mptcp_mib_${snakeCase(name)}_total`, []);
  }
  return known;
}
