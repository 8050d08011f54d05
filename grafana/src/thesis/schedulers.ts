import type { Row } from '../frame.ts';
import { from, measured, newest } from '../promql.ts';
import { table } from '../tables.ts';
import { NO_MEASUREMENT } from '../words.ts';

const SCHEDULER = newest(['scheduler'], from('mptcp_scheduler_info'));

/** `expression`, whose labels are the machine and `labels`, by the scheduler that stood then, averaged over the time range. */
function byScheduler(labels: readonly string[], expression: string): string {
  const then = `${newest(labels, expression)} * on (instance) group_left (scheduler) ${SCHEDULER}`;
  return newest([...labels, 'scheduler'], `avg_over_time((${then})[$__range:$__interval])`);
}

/** What the scheduler changes: choose a time range in which more than one was in use. */
export const schedulers: Row = {
  id: 4,
  title: 'By scheduler',
  panels: [
    table({
      id: 401,
      title: 'Benefit by scheduler',
      description:
        'Mean benefit and gain while each scheduler (net.mptcp.scheduler) was in use, in the time range above. Downloads depend on the scheduler of the other end.',
      unit: 'percentunit',
      noValue: NO_MEASUREMENT,
      width: 12,
      height: 8,
      facts: [],
      labels: { scheduler: 'Scheduler', direction: 'Direction', instance: 'Machine' },
      values: [
        {
          title: 'Benefit',
          expr: byScheduler(['direction'], from('mptcp_aggregation_benefit_ratio')),
          unit: 'percentunit',
        },
        {
          title: 'Of the best path',
          expr: byScheduler(['direction'], from('mptcp_aggregation_gain_ratio')),
          unit: 'percentunit',
        },
      ],
    }),
    table({
      id: 402,
      title: 'Throughput and transfer time by scheduler',
      description:
        'Means over the time range above while each scheduler was in use, by path; mptcp is MPTCP over all. Single paths should not differ: if they do, the links changed meanwhile.',
      unit: 'Bps',
      noValue: NO_MEASUREMENT,
      width: 12,
      height: 8,
      facts: [],
      labels: { scheduler: 'Scheduler', path: 'Path', direction: 'Direction', instance: 'Machine' },
      values: [
        {
          title: 'Throughput',
          expr: byScheduler(['path', 'direction'], measured('mptcp_probe_throughput_bytes_per_second')),
          unit: 'Bps',
        },
        {
          title: 'Largest transfer',
          expr: byScheduler(['path', 'direction'], measured('mptcp_probe_transfer_duration_seconds')),
          unit: 's',
        },
      ],
    }),
  ],
};
