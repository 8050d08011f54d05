import type { Row } from '../frame.ts';
import { lines, steps } from '../panels.ts';
import { grown, onPath, quantileByPath, rate, ratio, sumBy } from '../promql.ts';
import { table } from '../tables.ts';
import { NO_EXPORTER, NO_SUBFLOW, NO_TRAFFIC, PATH_LEGEND } from './words.ts';

const retransmitted = ratio(
  sumBy(['path'], rate(onPath('mptcp_path_retransmitted_bytes_total'))),
  sumBy(['path'], rate(onPath('mptcp_path_sent_bytes_total'))),
);
const meanRtt = ratio(
  sumBy(['path'], rate(onPath('mptcp_path_rtt_seconds_sum'))),
  sumBy(['path'], rate(onPath('mptcp_path_rtt_seconds_count'))),
);

/** Every uplink: what it carries, how fast it answers, how much it loses. */
export const paths: Row = {
  id: 2,
  title: 'Paths',
  panels: [
    table({
      id: 201,
      title: 'Paths',
      description:
        'Every uplink at a glance. A path without subflows while others have some is not used by MPTCP: look at the endpoints and joins below. Retransmitted above 2 % or an RTT far from its usual value: the link is lossy or full.',
      unit: 'short',
      noValue: NO_EXPORTER,
      width: 24,
      height: 7,
      facts: [`max by (instance, path, interface, access, metered, backup) (${onPath('mptcp_path_info')})`],
      labels: {
        path: 'Path',
        instance: 'Machine',
        interface: 'Interface',
        access: 'Access',
        metered: 'Metered',
        backup: 'Backup',
      },
      values: [
        { title: 'Subflows', expr: sumBy(['path'], onPath('mptcp_path_subflows')), unit: 'short' },
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
        {
          title: 'Sent in this time',
          expr: sumBy(['path'], grown(onPath('mptcp_path_sent_bytes_total'))),
          unit: 'decbytes',
        },
        {
          title: 'Received in this time',
          expr: sumBy(['path'], grown(onPath('mptcp_path_received_bytes_total'))),
          unit: 'decbytes',
        },
      ],
    }),
    lines(
      {
        id: 202,
        title: 'Sending, per path',
        description:
          'Bytes per second sent by MPTCP, stacked: the top is the total. A path that stays at zero while others carry traffic is not used.',
        unit: 'Bps',
        noValue: NO_TRAFFIC,
        width: 12,
        height: 8,
        stacking: 'normal',
      },
      [{ expr: sumBy(['path'], rate(onPath('mptcp_path_sent_bytes_total'))), legend: PATH_LEGEND }],
    ),
    lines(
      {
        id: 203,
        title: 'Receiving, per path',
        description:
          'Bytes per second received by MPTCP, stacked: the top is the total. The sending end decides how downloads are spread over the paths.',
        unit: 'Bps',
        noValue: NO_TRAFFIC,
        width: 12,
        height: 8,
        stacking: 'normal',
      },
      [{ expr: sumBy(['path'], rate(onPath('mptcp_path_received_bytes_total'))), legend: PATH_LEGEND }],
    ),
    lines(
      {
        id: 204,
        title: 'Share per path',
        description:
          'How the bytes of both directions are spread over the paths, of 100 %. A metered path that carries more than you want: make its endpoint a backup.',
        unit: 'Bps',
        noValue: NO_TRAFFIC,
        width: 12,
        height: 8,
        stacking: 'percent',
      },
      [
        {
          expr: sumBy(
            ['path'],
            `${rate(onPath('mptcp_path_sent_bytes_total'))} + ${rate(onPath('mptcp_path_received_bytes_total'))}`,
          ),
          legend: PATH_LEGEND,
        },
      ],
    ),
    lines(
      {
        id: 205,
        title: 'Subflows by state',
        description:
          'Open subflows on the chosen paths. Active: data moved lately. Idle: nothing to send. Backup: waits until the others fail. Closing: on its way out.',
        unit: 'short',
        noValue: NO_SUBFLOW,
        width: 12,
        height: 8,
        stacking: 'normal',
        colours: { active: 'green', idle: 'blue', backup: 'purple', closing: 'orange' },
      },
      [{ expr: `sum by (state) (${onPath('mptcp_path_subflows')})`, legend: '{{state}}' }],
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
        title: 'Round trip, 95 of 100',
        description:
          'All but 5 % of the sampled round trips were below this. Far above the median: the link stalls now and then, as radio links do.',
        unit: 's',
        noValue: NO_TRAFFIC,
        width: 8,
        height: 8,
      },
      [{ expr: quantileByPath(0.95, 'mptcp_path_rtt_seconds'), legend: PATH_LEGEND }],
    ),
    lines(
      {
        id: 208,
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
