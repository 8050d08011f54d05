import { bands, lines } from '../charts.ts';
import type { Row } from '../frame.ts';
import { TO_PATH } from '../links.ts';
import { steps } from '../panels.ts';
import { grown, newest, onPath, quantileByPath, rate, ratio, share, sumBy } from '../promql.ts';
import { REASON, REASON_WORDS, STATE, STATE_WORDS } from '../states.ts';
import { table } from '../tables.ts';
import { NO_EXPORTER, NO_TRAFFIC, PATH_LEGEND } from '../words.ts';

const SENT = onPath('mptcp_path_sent_bytes_total');
const RECEIVED = onPath('mptcp_path_received_bytes_total');
const retransmitted = ratio(
  sumBy(['path'], rate(onPath('mptcp_path_retransmitted_bytes_total'))),
  sumBy(['path'], rate(SENT)),
);
const meanRtt = ratio(
  sumBy(['path'], rate(onPath('mptcp_path_rtt_seconds_sum'))),
  sumBy(['path'], rate(onPath('mptcp_path_rtt_seconds_count'))),
);
const moved = `${grown(SENT)} + ${grown(RECEIVED)}`;

/** Every uplink: whether it works, what it carries, how fast it answers, how much it loses. */
export const paths: Row = {
  id: 2,
  title: 'Paths',
  panels: [
    table({
      id: 201,
      title: 'Paths',
      description:
        'Every uplink at a glance; a click on its name opens it. A path that is unused while others carry traffic: look at the endpoints and joins in Connections. Retransmitted above 2 % or a round trip far from its usual value: the link is lossy or full.',
      unit: 'short',
      noValue: NO_EXPORTER,
      width: 24,
      height: 7,
      facts: [`max by (instance, path, interface, access, metered, backup) (${onPath('mptcp_path_info')})`],
      labels: { path: 'Path', instance: 'Machine' },
      details: { interface: 'Interface', access: 'Access', metered: 'Metered', backup: 'Backup' },
      links: { Path: TO_PATH },
      values: [
        { title: 'State', expr: STATE, unit: 'none', mappings: [STATE_WORDS] },
        { title: 'Reason', expr: REASON, unit: 'none', mappings: [REASON_WORDS] },
        {
          title: 'Since',
          expr: `${newest(['path'], onPath('mptcp_path_last_change_timestamp_seconds'))} * 1000`,
          unit: 'dateTimeFromNow',
        },
        {
          title: 'Sending',
          expr: sumBy(['path'], onPath('mptcp_path_send_throughput_bytes_per_second')),
          unit: 'Bps',
        },
        {
          title: 'Receiving',
          expr: sumBy(['path'], onPath('mptcp_path_receive_throughput_bytes_per_second')),
          unit: 'Bps',
        },
        { title: 'Round trip', expr: meanRtt, unit: 's' },
        {
          title: 'Retransmitted',
          expr: retransmitted,
          unit: 'percentunit',
          thresholds: steps('green', [0.02, 'orange'], [0.1, 'red']),
        },
        { title: 'Sent in this time', expr: sumBy(['path'], grown(SENT)), unit: 'decbytes' },
        { title: 'Received in this time', expr: sumBy(['path'], grown(RECEIVED)), unit: 'decbytes' },
        { title: 'Share', expr: share(sumBy(['path'], moved), sumBy([], moved)), unit: 'percentunit' },
      ],
    }),
    bands(
      {
        id: 202,
        title: 'State of each path',
        description:
          'Up, degraded, stalled (the link looks alive and lets nothing through), down (no link), missing (connections lack a subflow here) or unused. Path tells the reasons.',
        unit: 'none',
        noValue: NO_EXPORTER,
        width: 24,
        height: 6,
        mappings: [STATE_WORDS],
      },
      [{ expr: STATE, legend: PATH_LEGEND }],
    ),
    lines(
      {
        id: 203,
        title: 'Sending, per path',
        description:
          'Bytes per second sent by MPTCP, stacked: the top is the total. A path that stays at zero while others carry traffic is not used.',
        unit: 'Bps',
        noValue: NO_TRAFFIC,
        width: 12,
        height: 8,
        stacking: 'normal',
        total: `sum(${rate(SENT)})`,
      },
      [{ expr: sumBy(['path'], rate(SENT)), legend: PATH_LEGEND }],
    ),
    lines(
      {
        id: 204,
        title: 'Receiving, per path',
        description:
          'Bytes per second received by MPTCP, stacked: the top is the total. The sending end decides how downloads are spread over the paths.',
        unit: 'Bps',
        noValue: NO_TRAFFIC,
        width: 12,
        height: 8,
        stacking: 'normal',
        total: `sum(${rate(RECEIVED)})`,
      },
      [{ expr: sumBy(['path'], rate(RECEIVED)), legend: PATH_LEGEND }],
    ),
    lines(
      {
        id: 205,
        title: 'Share per path',
        description:
          'How the bytes of both directions are spread over the paths, of 100 %. A metered path that carries more than you want: make its endpoint a backup.',
        unit: 'Bps',
        noValue: NO_TRAFFIC,
        width: 8,
        height: 8,
        stacking: 'percent',
      },
      [{ expr: sumBy(['path'], `${rate(SENT)} + ${rate(RECEIVED)}`), legend: PATH_LEGEND }],
    ),
    lines(
      {
        id: 206,
        title: 'Round trip, median',
        description:
          'Half of the sampled round trips were below this, over subflows that moved data. A gap means that none moved any. Rising with the load: a buffer on the link fills up.',
        unit: 's',
        noValue: NO_TRAFFIC,
        width: 8,
        height: 8,
      },
      [{ expr: quantileByPath(0.5, 'mptcp_path_rtt_seconds'), legend: PATH_LEGEND }],
    ),
    lines(
      {
        id: 207,
        title: 'Retransmitted',
        description:
          'Bytes sent again, of all bytes sent. Up to 1 % is usual; above 2 % for minutes the link loses packets: check signal, cable or shaping.',
        unit: 'percentunit',
        noValue: NO_TRAFFIC,
        width: 8,
        height: 8,
      },
      [{ expr: retransmitted, legend: PATH_LEGEND }],
    ),
  ],
};
