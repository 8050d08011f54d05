import { bands, lines } from '../charts.ts';
import type { Row } from '../frame.ts';
import { stat, steps } from '../panels.ts';
import { grown, newest, onPath, quantileInRange, rate, sumBy } from '../promql.ts';
import { REASON, REASON_WORDS, STATE, STATE_WORDS } from '../states.ts';
import { table } from '../tables.ts';
import { NO_EXPORTER, NO_RULES, PATH_LEGEND } from '../words.ts';

/** What each path is, was, and why. */
export const state: Row = {
  id: 1,
  title: 'State',
  panels: [
    stat(
      {
        id: 101,
        title: 'State',
        description: 'How the path is judged now. docs/health.md has the states and what each one means.',
        unit: 'none',
        noValue: NO_EXPORTER,
        width: 6,
        height: 4,
        mappings: [STATE_WORDS],
      },
      { expr: STATE, legend: PATH_LEGEND },
    ),
    stat(
      {
        id: 102,
        title: 'Reason',
        description:
          'Why the path is not well; of several reasons the one nearest to the cause. A dash: none. docs/health.md says what each one means.',
        unit: 'none',
        noValue: 'No path was used yet, so that there is nothing to judge.',
        width: 6,
        height: 4,
        mappings: [REASON_WORDS],
      },
      { expr: REASON, legend: PATH_LEGEND },
    ),
    stat(
      {
        id: 103,
        title: 'Since',
        description: 'When the path entered its state; the start of the exporter when it has not changed since.',
        unit: 'dateTimeFromNow',
        noValue: NO_EXPORTER,
        width: 6,
        height: 4,
      },
      {
        expr: `${newest(['path'], onPath('mptcp_path_last_change_timestamp_seconds'))} * 1000`,
        legend: PATH_LEGEND,
      },
    ),
    stat(
      {
        id: 104,
        title: 'Worked, of this time',
        description:
          'The part of the time range above for which the path was not down, stalled or missing. Times without an exporter are left out.',
        unit: 'percentunit',
        noValue: NO_EXPORTER,
        width: 6,
        height: 4,
        thresholds: steps('red', [0.99, 'orange'], [0.999, 'green']),
      },
      {
        expr: newest(['path'], `avg_over_time(${onPath('mptcp_path_up')}[$__range])`),
        legend: PATH_LEGEND,
      },
    ),
    bands(
      {
        id: 105,
        title: 'States',
        description:
          'The state over time. Short bands that come and go: the path flaps, as a loose cable or weak radio makes it.',
        unit: 'none',
        noValue: NO_EXPORTER,
        width: 12,
        height: 7,
        mappings: [STATE_WORDS],
      },
      [{ expr: STATE, legend: PATH_LEGEND }],
    ),
    bands(
      {
        id: 106,
        title: 'Reasons',
        description:
          'Why the path was not well, over time; of several reasons the one nearest to the cause. A dash: none.',
        unit: 'none',
        noValue: 'No path was used yet, so that there is nothing to judge.',
        width: 12,
        height: 7,
        mappings: [REASON_WORDS],
      },
      [{ expr: REASON, legend: PATH_LEGEND }],
    ),
    table({
      id: 107,
      title: 'Faults in this time',
      description:
        'Failover: from the start of a fault to a connection moving data on another path. Recovery: from its end to this path moving data again. Both are medians; a dash: there was none.',
      unit: 's',
      noValue: NO_EXPORTER,
      width: 10,
      height: 7,
      facts: [],
      labels: { path: 'Path', instance: 'Machine' },
      values: [
        {
          title: 'Times not working',
          expr: sumBy(['path'], grown(onPath('mptcp_path_state_changes_total', 'state=~"down|stalled|missing"'))),
          unit: 'short',
        },
        {
          title: 'Connections moved',
          expr: sumBy(['path'], grown(onPath('mptcp_path_failover_duration_seconds_count'))),
          unit: 'short',
        },
        {
          title: 'Failover',
          expr: newest(['path'], quantileInRange(0.5, ['path'], onPath('mptcp_path_failover_duration_seconds_bucket'))),
          unit: 's',
        },
        {
          title: 'Recovery',
          expr: newest(['path'], quantileInRange(0.5, ['path'], onPath('mptcp_path_recovery_duration_seconds_bucket'))),
          unit: 's',
        },
      ],
    }),
    table({
      id: 109,
      title: 'Availability',
      description:
        'The part of the last day, week and month for which the path was not down, stalled or missing. Times without an exporter are left out, as is what was before the rules were loaded.',
      unit: 'percentunit',
      noValue: NO_RULES,
      width: 7,
      height: 7,
      facts: [],
      labels: { path: 'Path', instance: 'Machine' },
      values: ['1d', '7d', '30d'].map((days) => ({
        title: days.replace('d', ' d'),
        expr: newest(['path'], onPath(`path:mptcp_path_up:avg${days}`)),
        unit: 'percentunit',
        thresholds: steps('red', [0.99, 'orange'], [0.999, 'green']),
      })),
    }),
    lines(
      {
        id: 108,
        title: 'Checks of a suspicion',
        description:
          'Connects to a connection’s own peer that asked whether the path is alive, per second. Unanswered: it is dead. Many that are answered: a sender prefers other paths, which looks like silence.',
        unit: 'cps',
        noValue: 'No check so far: nothing was suspected, or health: {confirm: off} is set.',
        width: 7,
        height: 7,
      },
      [
        {
          expr: sumBy(['path', 'result'], rate(onPath('mptcp_path_checks_total'))),
          legend: '{{path}}: {{result}} ({{instance}})',
        },
      ],
    ),
  ],
};
