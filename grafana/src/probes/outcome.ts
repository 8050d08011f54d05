import { bands, lines } from '../charts.ts';
import type { Row } from '../frame.ts';
import { TO_PATH } from '../links.ts';
import { steps } from '../panels.ts';
import { grown, measured, newest, rate, ratio, sumBy } from '../promql.ts';
import { table } from '../tables.ts';
import { goodOrNot, NO_PROBE } from '../words.ts';

const PROBE = ['probe', 'path', 'target'];
const LEGEND = '{{probe}} {{path}} to {{target}} ({{instance}})';
const success = newest(PROBE, measured('mptcp_probe_success'));
const loss = (window: (selector: string) => string) =>
  `1 - ${ratio(
    sumBy(PROBE, window(measured('mptcp_probe_replies_total'))),
    sumBy(PROBE, window(measured('mptcp_probe_requests_total'))),
  )}`;

/** Whether probes get through. */
export const outcome: Row = {
  id: 1,
  title: 'Do they get through?',
  panels: [
    table({
      id: 101,
      title: 'Probes',
      description:
        'Every probe on every path. One that fails on one path and not on the others: that path. One that fails on all: its target, or the name of it. The path mptcp is MPTCP over all.',
      unit: 'none',
      noValue: NO_PROBE,
      width: 24,
      height: 8,
      facts: [],
      labels: { path: 'Path', probe: 'Probe', target: 'Target', instance: 'Machine' },
      links: { Path: TO_PATH },
      values: [
        { title: 'Latest run', expr: success, unit: 'none', mappings: [goodOrNot('Answered', 'Failed')] },
        {
          title: 'Last success',
          expr: `${newest(PROBE, measured('mptcp_probe_last_success_timestamp_seconds'))} * 1000`,
          unit: 'dateTimeFromNow',
        },
        {
          title: 'Lost in this time',
          expr: newest(PROBE, loss(grown)),
          unit: 'percentunit',
          thresholds: steps('green', [0.01, 'orange'], [0.1, 'red']),
        },
        {
          title: 'Failures in this time',
          expr: sumBy(PROBE, grown(measured('mptcp_probe_failures_total'))),
          unit: 'short',
        },
      ],
    }),
    bands(
      {
        id: 102,
        title: 'Success',
        description:
          'Whether the latest run of each probe got its answer. Three failures in a row on one path, while the same target answers on another, make that path unwell.',
        unit: 'none',
        noValue: NO_PROBE,
        width: 12,
        height: 8,
        mappings: [goodOrNot('Answered', 'Failed')],
        thresholds: steps('red', [1, 'green']),
      },
      [{ expr: success, legend: LEGEND }],
    ),
    lines(
      {
        id: 103,
        title: 'Failures by reason',
        description:
          'Runs that brought nothing, per second. busy: the server serves another measurement. budget_exhausted: the path has used what probes may. tool_missing: the log names the package.',
        unit: 'cps',
        noValue: 'No probe has failed so far.',
        width: 12,
        height: 8,
      },
      [
        {
          expr: sumBy(['probe', 'path', 'reason'], rate(measured('mptcp_probe_failures_total'))),
          legend: '{{probe}} {{path}}: {{reason}} ({{instance}})',
        },
      ],
    ),
  ],
};
