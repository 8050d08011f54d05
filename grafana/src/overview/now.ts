import type { Row } from '../frame.ts';
import { stat, steps, words } from '../panels.ts';
import { from, grown, onPath } from '../promql.ts';
import { goodOrNot, NO_EXPORTER } from './words.ts';

/** The answers of this moment: is it read, is it on, how much moves. */
export const now: Row = {
  id: 1,
  title: 'Now',
  panels: [
    stat(
      {
        id: 101,
        title: 'Exporter',
        description:
          'Whether Prometheus reaches the exporter and the exporter reads the kernel. "Not scraped": start it, or correct the target in prometheus.yml. "Cannot read the kernel": its log names the cause and the remedy.',
        unit: 'none',
        noValue: 'No exporter found: start it, then look at Status > Targets in Prometheus.',
        width: 4,
        height: 4,
        mappings: [goodOrNot('Reading', 'Cannot read the kernel'), words({ '-1': ['Not scraped', 'red'] })],
      },
      { expr: `${from('mptcp_up')} or (${from('up')} == 0) - 1`, legend: '{{instance}}' },
    ),
    stat(
      {
        id: 102,
        title: 'MPTCP in the kernel',
        description:
          'The sysctl net.mptcp.enabled (out-of-tree kernel: mptcp_enabled). When off, new connections are plain TCP: sysctl -w net.mptcp.enabled=1.',
        unit: 'none',
        noValue: 'Not known: this kernel has no MPTCP, or the exporter is not running.',
        width: 3,
        height: 4,
        mappings: [goodOrNot('On', 'Off')],
      },
      { expr: from('mptcp_enabled'), legend: '{{instance}}' },
    ),
    stat(
      {
        id: 103,
        title: 'Connections',
        description:
          'Established MPTCP connections. Those that fell back to plain TCP are counted apart, to the right.',
        unit: 'short',
        noValue: 'None: try mptcpize run curl ...',
        width: 3,
        height: 4,
      },
      { expr: `sum(${from('mptcp_connections', 'state="established"')})`, legend: 'established' },
    ),
    stat(
      {
        id: 104,
        title: 'Fallbacks',
        description:
          'Connections of MPTCP applications that run as plain TCP now: the peer does not speak MPTCP, or a middlebox removed its options. "Fallbacks by cause" below tells which.',
        unit: 'short',
        noValue: 'None now.',
        width: 3,
        height: 4,
        thresholds: steps('green', [1, 'orange']),
      },
      { expr: `sum(${from('mptcp_connections', 'state="fallback"')})`, legend: 'fallback' },
    ),
    stat(
      {
        id: 105,
        title: 'Sending',
        description: 'Bytes per second sent on the chosen paths during the last sampling interval. 1 MB/s is 8 Mbit/s.',
        unit: 'Bps',
        noValue: NO_EXPORTER,
        width: 4,
        height: 4,
      },
      { expr: `sum(${onPath('mptcp_path_send_throughput_bytes_per_second')})`, legend: 'sending' },
    ),
    stat(
      {
        id: 106,
        title: 'Receiving',
        description:
          'Bytes per second received on the chosen paths during the last sampling interval. 1 MB/s is 8 Mbit/s.',
        unit: 'Bps',
        noValue: NO_EXPORTER,
        width: 4,
        height: 4,
      },
      { expr: `sum(${onPath('mptcp_path_receive_throughput_bytes_per_second')})`, legend: 'receiving' },
    ),
    stat(
      {
        id: 107,
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
  ],
};
