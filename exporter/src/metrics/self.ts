import { gauge } from './family.ts';

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

/** All of the above. */
export const SELF_FAMILIES = [BUILD_INFO, COLLECTOR_SUCCESS, COLLECTOR_DURATION] as const;
