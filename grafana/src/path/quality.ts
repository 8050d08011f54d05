import { lines } from '../charts.ts';
import type { Row } from '../frame.ts';
import { newest, onPath, quantileByPath, rate, ratio, sumBy } from '../promql.ts';
import { NO_SUBFLOW, NO_TRAFFIC, PATH_LEGEND } from '../words.ts';

const SENT = onPath('mptcp_path_sent_bytes_total');
const CHART = { width: 8, height: 8 } as const;
const NARROW = { width: 6, height: 8 } as const;

/** What the paths carry, and how well. */
export const quality: Row = {
  id: 2,
  title: 'Throughput, round trip and loss',
  panels: [
    lines(
      {
        ...CHART,
        id: 201,
        title: 'Sending',
        description:
          'Bytes per second sent by MPTCP on each path. A path that stays at zero while others carry traffic is not used.',
        unit: 'Bps',
        noValue: NO_TRAFFIC,
      },
      [{ expr: sumBy(['path'], rate(SENT)), legend: PATH_LEGEND }],
    ),
    lines(
      {
        ...CHART,
        id: 202,
        title: 'Receiving',
        description:
          'Bytes per second received by MPTCP on each path. The sending end decides how downloads are spread over the paths.',
        unit: 'Bps',
        noValue: NO_TRAFFIC,
      },
      [{ expr: sumBy(['path'], rate(onPath('mptcp_path_received_bytes_total'))), legend: PATH_LEGEND }],
    ),
    lines(
      {
        ...CHART,
        id: 203,
        title: 'Retransmitted',
        description:
          'Bytes sent again, of all bytes sent. Up to 1 % is usual; above 2 % for minutes the link loses packets: check signal, cable or shaping.',
        unit: 'percentunit',
        noValue: NO_TRAFFIC,
      },
      [
        {
          expr: ratio(
            sumBy(['path'], rate(onPath('mptcp_path_retransmitted_bytes_total'))),
            sumBy(['path'], rate(SENT)),
          ),
          legend: PATH_LEGEND,
        },
      ],
    ),
    lines(
      {
        ...NARROW,
        id: 204,
        title: 'Round trip, median',
        description:
          'Half of the sampled round trips were below this, over subflows that moved data. A gap means that none moved any. Rising with the load: a buffer on the link fills up.',
        unit: 's',
        noValue: NO_TRAFFIC,
      },
      [{ expr: quantileByPath(0.5, 'mptcp_path_rtt_seconds'), legend: PATH_LEGEND }],
    ),
    lines(
      {
        ...NARROW,
        id: 207,
        title: 'Round trip, 95 of 100',
        description:
          'All but 5 % of the sampled round trips were below this. Far above the median: the link stalls now and then, as radio links do.',
        unit: 's',
        noValue: NO_TRAFFIC,
      },
      [{ expr: quantileByPath(0.95, 'mptcp_path_rtt_seconds'), legend: PATH_LEGEND }],
    ),
    lines(
      {
        ...NARROW,
        id: 205,
        title: 'Round trip, variation',
        description:
          'The mean deviation of the round trip of open subflows (jitter), the largest of each path. Large beside the round trip itself: voice and games suffer.',
        unit: 's',
        noValue: NO_SUBFLOW,
      },
      [{ expr: newest(['path'], onPath('mptcp_subflow_rtt_variation_seconds')), legend: PATH_LEGEND }],
    ),
    lines(
      {
        ...NARROW,
        id: 206,
        title: 'Lost segments',
        description:
          'Segments in flight that the kernel thinks lost, over the open subflows of each path. Never back at zero: packets are lost all the time, or the path is dead.',
        unit: 'short',
        noValue: NO_SUBFLOW,
      },
      [{ expr: sumBy(['path'], onPath('mptcp_subflow_lost_segments')), legend: PATH_LEGEND }],
    ),
  ],
};
