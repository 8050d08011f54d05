import { heatmap, lines } from '../charts.ts';
import type { Row } from '../frame.ts';
import { onPath, rate } from '../promql.ts';
import { NO_SUBFLOW, NO_TRAFFIC } from '../words.ts';

const BUSY = `sum(${rate(onPath('mptcp_subflow_busy_seconds_total'))})`;
const RECEIVE_WINDOW = `sum(${rate(onPath('mptcp_subflow_receive_window_limited_seconds_total'))})`;
const SEND_BUFFER = `sum(${rate(onPath('mptcp_subflow_send_buffer_limited_seconds_total'))})`;

/** What can only be read of one path at a time; shown once for each chosen one. */
export const closeLook: Row = {
  id: 6,
  title: '$path',
  repeat: 'path',
  panels: [
    heatmap(
      {
        id: 601,
        title: 'Round trips on $path',
        description:
          'How often each round-trip time was sampled, over subflows that moved data. Two bands: two routes, or a queue that is full at times. A band that climbs with the load: bufferbloat.',
        unit: 's',
        noValue: NO_TRAFFIC,
        width: 8,
        height: 9,
      },
      `sum by (le) (${rate(onPath('mptcp_path_rtt_seconds_bucket'))})`,
    ),
    lines(
      {
        id: 602,
        title: 'What limited sending on $path',
        description:
          'How long subflows with data to send waited for what, of that time. The network: congestion window and loss, as it should be on a full link. The peer: its receive window is too small. This end: its send buffer is (net.ipv4.tcp_wmem).',
        unit: 'percentunit',
        noValue: NO_TRAFFIC,
        width: 8,
        height: 9,
        stacking: 'normal',
        max: 1,
        colours: { 'the network': 'green', 'the peer': 'orange', 'this end': 'purple' },
      },
      [
        { expr: `(${BUSY} - ${RECEIVE_WINDOW} - ${SEND_BUFFER}) / (${BUSY} > 0)`, legend: 'the network' },
        { expr: `${RECEIVE_WINDOW} / (${BUSY} > 0)`, legend: 'the peer' },
        { expr: `${SEND_BUFFER} / (${BUSY} > 0)`, legend: 'this end' },
      ],
    ),
    lines(
      {
        id: 603,
        title: 'Windows and rates on $path',
        description:
          'Over the open subflows: what may be in flight, and below it what the kernel estimates the path delivers and paces at, per second. A window that stays small on an idle link: the application sends little.',
        unit: 'decbytes',
        noValue: NO_SUBFLOW,
        width: 8,
        height: 9,
      },
      [
        { expr: `sum(${onPath('mptcp_subflow_congestion_window_bytes')})`, legend: 'congestion window' },
        { expr: `sum(${onPath('mptcp_subflow_delivery_rate_bytes_per_second')})`, legend: 'delivered per second' },
        { expr: `sum(${onPath('mptcp_subflow_pacing_rate_bytes_per_second')})`, legend: 'paced per second' },
      ],
    ),
  ],
};
