import { bars } from '../bars.ts';
import type { Row } from '../frame.ts';
import { measured, newest, onPath, quantileInRange } from '../promql.ts';
import { MEASURED_TOGETHER, NO_MEASUREMENT, NO_PROBE, NO_TRAFFIC, PATH_LEGEND } from '../words.ts';

const BARS = { width: 8, height: 8, unit: 's', colours: MEASURED_TOGETHER } as const;

/** Latency per interface: idle, in use, and full. */
export const latency: Row = {
  id: 2,
  title: 'Latency per path',
  panels: [
    bars(
      {
        ...BARS,
        id: 201,
        title: 'Of probes',
        description:
          'Median round trip of the latency probes on each path in the time range above: what the link takes when little moves.',
        noValue: NO_PROBE,
      },
      {
        expr: newest(['path'], quantileInRange(0.5, ['path'], onPath('mptcp_probe_rtt_seconds_bucket'))),
        legend: PATH_LEGEND,
      },
    ),
    bars(
      {
        ...BARS,
        id: 202,
        title: 'Of subflows that moved data',
        description:
          'Median round trip that MPTCP’s own subflows saw on each path in the time range above: what applications got.',
        noValue: NO_TRAFFIC,
      },
      {
        expr: newest(['path'], quantileInRange(0.5, ['path'], onPath('mptcp_path_rtt_seconds_bucket'))),
        legend: PATH_LEGEND,
      },
    ),
    bars(
      {
        ...BARS,
        id: 203,
        title: 'While it was full',
        description:
          'Round trip while throughput was measured, the worse direction. Many times that of the probes: bufferbloat; a queue such as fq_codel or cake at the router helps.',
        noValue: NO_MEASUREMENT,
      },
      { expr: newest(['path'], measured('mptcp_probe_loaded_rtt_seconds')), legend: PATH_LEGEND },
    ),
  ],
};
