import { lines } from '../charts.ts';
import type { Row } from '../frame.ts';
import { onPath, rate, sumBy } from '../promql.ts';
import { NO_EXPORTER, NO_SUBFLOW, PATH_LEGEND } from '../words.ts';

const CHART = { width: 8, height: 8 } as const;

/** Subflows on the paths: how many, in which state, coming and going. */
export const subflows: Row = {
  id: 3,
  title: 'Subflows',
  panels: [
    lines(
      {
        ...CHART,
        id: 301,
        title: 'Subflows by state',
        description:
          'Open subflows on the chosen paths. Active: data moved lately. Idle: nothing to send. Backup: waits until the others fail. Stalled and silent ones are suspicious; docs/health.md says why.',
        unit: 'short',
        noValue: NO_SUBFLOW,
        stacking: 'normal',
        colours: {
          active: 'green',
          idle: 'blue',
          backup: 'purple',
          closing: 'orange',
          stalled: 'red',
          silent: 'yellow',
        },
      },
      [{ expr: `sum by (state) (${onPath('mptcp_path_subflows')})`, legend: '{{state}}' }],
    ),
    lines(
      {
        ...CHART,
        id: 302,
        title: 'Opened',
        description:
          'Subflows that opened, per second. Many beside few connections: subflows break and are opened again.',
        unit: 'cps',
        noValue: NO_EXPORTER,
      },
      [{ expr: sumBy(['path'], rate(onPath('mptcp_path_subflows_established_total'))), legend: PATH_LEGEND }],
    ),
    lines(
      {
        ...CHART,
        id: 303,
        title: 'Closed, by how',
        description:
          'Subflows that closed, per second: with their connection, alone while it went on, or reset or refused. Resets that do not end: a middlebox or the peer does not want MPTCP on this path.',
        unit: 'cps',
        noValue: NO_EXPORTER,
      },
      [
        {
          expr: sumBy(['path', 'reason'], rate(onPath('mptcp_path_subflows_closed_total'))),
          legend: '{{path}}: {{reason}} ({{instance}})',
        },
      ],
    ),
  ],
};
