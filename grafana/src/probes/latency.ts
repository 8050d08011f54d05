import { lines } from '../charts.ts';
import type { Row } from '../frame.ts';
import { onPath, rate, ratio, sumBy } from '../promql.ts';
import { NO_PROBE } from '../words.ts';

const CHART = { width: 12, height: 8, noValue: NO_PROBE } as const;
const BY = ['path', 'probe'];
const LEGEND = '{{path}} on {{instance}}, {{probe}}';

const quantile = (q: number) =>
  `histogram_quantile(${q}, ${sumBy([...BY, 'le'], rate(onPath('mptcp_probe_rtt_seconds_bucket')))})`;

/** How fast small questions are answered, idle paths included. */
export const latency: Row = {
  id: 2,
  title: 'Latency',
  panels: [
    lines(
      {
        ...CHART,
        id: 201,
        title: 'Probe round trip, median',
        description:
          'Half of the answers came faster, over all targets of a probe. Measured on idle paths too, unlike the round trips of MPTCP’s own subflows.',
        unit: 's',
      },
      [{ expr: quantile(0.5), legend: LEGEND }],
    ),
    lines(
      {
        ...CHART,
        id: 202,
        title: 'Probe round trip, 95 of 100',
        description:
          'All but 5 % of the answers came faster. Far above the median: the link stalls now and then, as radio links do.',
        unit: 's',
      },
      [{ expr: quantile(0.95), legend: LEGEND }],
    ),
    lines(
      {
        ...CHART,
        id: 203,
        title: 'Jitter',
        description:
          'How much the round trip changes from one answer to the next. Above 30 ms voice and games suffer: prefer another path for them.',
        unit: 's',
      },
      [
        {
          expr: `max by (instance, path, probe) (${onPath('mptcp_probe_jitter_seconds')})`,
          legend: LEGEND,
        },
      ],
    ),
    lines(
      {
        ...CHART,
        id: 204,
        title: 'Unanswered',
        description:
          'The part of the questions that got no answer. Above 1 % for minutes: the link loses packets, or the target limits how many it answers.',
        unit: 'percentunit',
        max: 1,
      },
      [
        {
          expr: `1 - ${ratio(
            sumBy(BY, rate(onPath('mptcp_probe_replies_total'))),
            sumBy(BY, rate(onPath('mptcp_probe_requests_total'))),
          )}`,
          legend: LEGEND,
        },
      ],
    ),
  ],
};
