import { FIRING, RULES_LOADED } from '../alerts.ts';
import type { Row } from '../frame.ts';
import { stat, steps } from '../panels.ts';
import { from, grown, newest, onPath } from '../promql.ts';
import { NO_EXPORTER, NO_MEASUREMENT, NO_RULES } from '../words.ts';
import { VERDICT, VERDICT_WORDS } from './verdict.ts';

/** The answers of this moment, before any detail. */
export const answer: Row = {
  id: 1,
  title: 'Is the internet all right?',
  panels: [
    stat(
      {
        id: 101,
        title: 'Internet',
        description:
          'What the paths of each machine come to. "Exporter not reached": start it, or correct the target in prometheus.yml. "Kernel not readable": its log names the cause and the remedy. Anything else: the table below says which path, since when and why.',
        unit: 'none',
        noValue: 'No exporter found: start it, then look at Status > Targets in Prometheus.',
        width: 6,
        height: 4,
        mappings: [VERDICT_WORDS],
      },
      { expr: VERDICT, legend: '{{instance}}' },
    ),
    stat(
      {
        id: 102,
        title: 'Alerts',
        description:
          'Alerts that fire now on the chosen machines, listed under "Active alerts". docs/runbooks has a page for each.',
        unit: 'short',
        noValue: NO_RULES,
        width: 3,
        height: 4,
        thresholds: steps('green', [1, 'red']),
      },
      { expr: `count(${FIRING}) or ${RULES_LOADED}`, legend: 'firing' },
    ),
    stat(
      {
        id: 103,
        title: 'Sending',
        description: 'Bytes per second sent on the chosen paths during the last sampling interval. 1 MB/s is 8 Mbit/s.',
        unit: 'Bps',
        noValue: NO_EXPORTER,
        width: 3,
        height: 4,
      },
      { expr: `sum(${onPath('mptcp_path_send_throughput_bytes_per_second')})`, legend: 'sending' },
    ),
    stat(
      {
        id: 104,
        title: 'Receiving',
        description:
          'Bytes per second received on the chosen paths during the last sampling interval. 1 MB/s is 8 Mbit/s.',
        unit: 'Bps',
        noValue: NO_EXPORTER,
        width: 3,
        height: 4,
      },
      { expr: `sum(${onPath('mptcp_path_receive_throughput_bytes_per_second')})`, legend: 'receiving' },
    ),
    stat(
      {
        id: 105,
        title: 'Moved in this time',
        description: 'Bytes sent and received over MPTCP on the chosen paths in the time range above.',
        unit: 'decbytes',
        noValue: NO_EXPORTER,
        width: 3,
        height: 4,
      },
      {
        expr: `sum(${grown(onPath('mptcp_path_sent_bytes_total'))} + ${grown(onPath('mptcp_path_received_bytes_total'))})`,
        legend: 'moved',
      },
    ),
    stat(
      {
        id: 106,
        title: 'Connections',
        description:
          'Established MPTCP connections. None although applications run: look at "MPTCP in the kernel" and "Fallbacks" in Connections.',
        unit: 'short',
        noValue: 'None: try mptcpize run curl ...',
        width: 3,
        height: 4,
      },
      { expr: `sum(${from('mptcp_connections', 'state="established"')})`, legend: 'established' },
    ),
    stat(
      {
        id: 107,
        title: 'Benefit of MPTCP',
        description:
          'From the last measurements: 100 % is the sum of all paths, 0 % no more than the best path alone, below 0 MPTCP does harm. Thesis has the details, "Advice" below what to change.',
        unit: 'percentunit',
        noValue: NO_MEASUREMENT,
        width: 3,
        height: 4,
        thresholds: steps('red', [0, 'orange'], [0.3, 'green']),
      },
      {
        expr: newest(['direction'], from('mptcp_aggregation_benefit_ratio')),
        legend: '{{direction}} ({{instance}})',
      },
    ),
  ],
};
