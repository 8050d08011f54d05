import { counter, gauge } from './family.ts';

/** Families that the registry fills by itself: what it is, and how each collector fared. */
export const BUILD_INFO = gauge('mptcp_exporter_build_info', 'Version of this exporter and of Node.js.', [
  'version',
  'revision',
  'node',
]);

/** 1 when every part the collector stands on could be read, as in node_exporter. */
export const COLLECTOR_SUCCESS = gauge(
  'mptcp_scrape_collector_success',
  '1 when the collector had all it needs, 0 when a part could not be read or it failed.',
  ['collector'],
);

/** Time in the collector itself; the reading before it is shared by all. */
export const COLLECTOR_DURATION = gauge('mptcp_scrape_collector_duration_seconds', 'Time the collector took.', [
  'collector',
]);

/** The exporter's own process, as prom-client measures it. */
export const PROCESS_FAMILIES = [
  counter('process_cpu_user_seconds_total', 'Total user CPU time spent in seconds.'),
  counter('process_cpu_system_seconds_total', 'Total system CPU time spent in seconds.'),
  counter('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.'),
  gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.'),
  gauge('process_resident_memory_bytes', 'Resident memory size in bytes.'),
  gauge('process_open_fds', 'Number of open file descriptors.'),
  gauge('process_max_fds', 'Maximum number of open file descriptors.'),
  gauge('nodejs_eventloop_lag_seconds', 'Lag of event loop in seconds.'),
] as const;

/** All of the above. */
export const SELF_FAMILIES = [BUILD_INFO, COLLECTOR_SUCCESS, COLLECTOR_DURATION, ...PROCESS_FAMILIES] as const;
