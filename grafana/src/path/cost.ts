import { bars } from '../bars.ts';
import { lines } from '../charts.ts';
import type { Row } from '../frame.ts';
import { grown, newest, onPath, sumBy } from '../promql.ts';
import { table } from '../tables.ts';
import { NO_EXPORTER, NO_PROBE, NO_RULES, PATH_LEGEND } from '../words.ts';

/** What the paths carried and what is left of their budgets: for links that are paid by the byte. */
export const cost: Row = {
  id: 5,
  title: 'Data budget',
  panels: [
    bars(
      {
        id: 501,
        title: 'Moved in this time',
        description:
          'Bytes sent and received over MPTCP on each path in the time range above. For a metered link choose the days since its contract began to count.',
        unit: 'decbytes',
        noValue: NO_EXPORTER,
        width: 6,
        height: 7,
      },
      {
        expr: sumBy(
          ['path'],
          `${grown(onPath('mptcp_path_sent_bytes_total'))} + ${grown(onPath('mptcp_path_received_bytes_total'))}`,
        ),
        legend: PATH_LEGEND,
      },
    ),
    table({
      id: 504,
      title: 'This day and month',
      description:
        'Bytes sent and received over MPTCP since midnight and since the first of the month, both by UTC. A contract that begins on another day: choose the time range, and look to the left.',
      unit: 'decbytes',
      noValue: NO_RULES,
      width: 6,
      height: 7,
      facts: [],
      labels: { path: 'Path', instance: 'Machine' },
      values: ['day', 'month'].map((period) => ({
        title: `This ${period}`,
        expr: sumBy(['path'], onPath(`path_direction:mptcp_path_bytes:utc_${period}`)),
        unit: 'decbytes',
      })),
    }),
    bars(
      {
        id: 502,
        title: 'Of it for probes',
        description: 'Bytes that probes sent and received on each path in the time range above.',
        unit: 'decbytes',
        noValue: NO_PROBE,
        width: 6,
        height: 7,
      },
      {
        expr: sumBy(
          ['path'],
          `${grown(onPath('mptcp_probe_sent_bytes_total'))} + ${grown(onPath('mptcp_probe_received_bytes_total'))}`,
        ),
        legend: PATH_LEGEND,
      },
    ),
    lines(
      {
        id: 503,
        title: 'Budget left for probes',
        description:
          'Bytes that probes may still use on each path this day and month. At zero probes that move data wait for the next period; budgets are set under probes: in the configuration.',
        unit: 'decbytes',
        noValue: NO_PROBE,
        width: 6,
        height: 7,
      },
      [
        {
          expr: newest(['path', 'period'], onPath('mptcp_probe_budget_remaining_bytes')),
          legend: '{{path}}: {{period}} ({{instance}})',
        },
      ],
    ),
  ],
};
