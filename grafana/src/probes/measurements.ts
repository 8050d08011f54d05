import { lines } from '../charts.ts';
import type { Row } from '../frame.ts';
import { measured, newest, onPath, rate, sumBy } from '../promql.ts';
import { table } from '../tables.ts';
import { MEASURED_TOGETHER, NO_MEASUREMENT, NO_PROBE, PATH_LEGEND } from '../words.ts';

const CHART = { width: 12, height: 8, noValue: NO_MEASUREMENT, colours: MEASURED_TOGETHER } as const;

const throughput = (direction: string) => [
  {
    expr: newest(['path'], measured('mptcp_probe_throughput_bytes_per_second', `direction="${direction}"`)),
    legend: PATH_LEGEND,
  },
];

/** Throughput of each path and of MPTCP, and what probing moved for it. */
export const measurements: Row = {
  id: 3,
  title: 'Throughput and cost',
  panels: [
    lines(
      {
        ...CHART,
        id: 301,
        title: 'Measured throughput, upload',
        description:
          'The last successful measurement of each path alone and of MPTCP over all (mptcp). A failed run leaves the value before it; the table tells its age.',
        unit: 'Bps',
      },
      throughput('up'),
    ),
    lines(
      {
        ...CHART,
        id: 302,
        title: 'Measured throughput, download',
        description:
          'The last successful measurement of each path alone and of MPTCP over all (mptcp). A failed run leaves the value before it; the table tells its age.',
        unit: 'Bps',
      },
      throughput('down'),
    ),
    lines(
      {
        ...CHART,
        id: 303,
        title: 'Moved by probes',
        description: 'Bytes per second that probes send and receive on each path, headers included.',
        unit: 'Bps',
        noValue: NO_PROBE,
      },
      [
        {
          expr: sumBy(
            ['path'],
            `${rate(onPath('mptcp_probe_sent_bytes_total'))} + ${rate(onPath('mptcp_probe_received_bytes_total'))}`,
          ),
          legend: PATH_LEGEND,
        },
      ],
    ),
    lines(
      {
        ...CHART,
        id: 304,
        title: 'Budget left',
        description:
          'Bytes that probes may still use on each path this day and month. At zero those that move data wait for the next period.',
        unit: 'decbytes',
        noValue: 'No budget is set: paths without one have no limit, metered ones are not measured.',
      },
      [
        {
          expr: newest(['path', 'period'], onPath('mptcp_probe_budget_remaining_bytes')),
          legend: '{{path}}: {{period}} ({{instance}})',
        },
      ],
    ),
    table({
      id: 305,
      title: 'When each was measured',
      description:
        'The age of the last successful measurement. Much older than its interval: see "Failures by reason" above.',
      unit: 'none',
      noValue: NO_MEASUREMENT,
      width: 24,
      height: 7,
      facts: [],
      labels: { path: 'Path', probe: 'Probe', target: 'Target', instance: 'Machine' },
      values: [
        {
          title: 'Measured',
          expr: `${newest(['probe', 'path', 'target'], measured('mptcp_probe_measured_timestamp_seconds'))} * 1000`,
          unit: 'dateTimeFromNow',
        },
      ],
    }),
  ],
};
