import { FIRING, RULES_LOADED } from '../alerts.ts';
import { lines } from '../charts.ts';
import type { Row } from '../frame.ts';
import { stat, steps } from '../panels.ts';
import { rate } from '../promql.ts';
import { goodOrNot, NO_ALERTMANAGER, NO_PROMETHEUS, NO_RULES } from '../words.ts';

const STAT = { width: 6, height: 4 } as const;
const CHART = { width: 8, height: 8 } as const;

/** The way of an alert: rule, Prometheus, Alertmanager, receiver. */
export const alerting: Row = {
  id: 3,
  title: 'Alerting',
  panels: [
    stat(
      {
        ...STAT,
        id: 301,
        title: 'Alert rules',
        description:
          'Whether Watchdog fires, which always must: then rules are loaded and evaluated. That its notification arrives is for the receiver to notice.',
        unit: 'none',
        noValue: NO_RULES,
        mappings: [goodOrNot('Evaluated', 'Not evaluated')],
      },
      { expr: 'max(ALERTS{alertname="Watchdog", alertstate="firing"})', legend: 'rules' },
    ),
    stat(
      {
        ...STAT,
        id: 302,
        title: 'Firing',
        description: 'Alerts that fire now on the chosen machines; Overview lists them.',
        unit: 'short',
        noValue: NO_RULES,
        thresholds: steps('green', [1, 'red']),
      },
      { expr: `count(${FIRING}) or ${RULES_LOADED}`, legend: 'firing' },
    ),
    stat(
      {
        ...STAT,
        id: 303,
        title: 'Alertmanagers found',
        description:
          'How many Alertmanagers Prometheus sends to. None: alerts are shown here and nobody is told; see alerting: in prometheus.yml.',
        unit: 'short',
        noValue: NO_PROMETHEUS,
        thresholds: steps('red', [1, 'green']),
      },
      { expr: 'max by (instance) (prometheus_notifications_alertmanagers_discovered)', legend: '{{instance}}' },
    ),
    stat(
      {
        ...STAT,
        id: 304,
        title: 'Alertmanager',
        description:
          'Whether Alertmanager took its configuration. Refused: amtool check-config prometheus/alertmanager.yml names the mistake.',
        unit: 'none',
        noValue: NO_ALERTMANAGER,
        mappings: [goodOrNot('Configured', 'Refused')],
      },
      { expr: 'min by (instance) (alertmanager_config_last_reload_successful)', legend: '{{instance}}' },
    ),
    lines(
      {
        ...CHART,
        id: 305,
        title: 'Dropped by Prometheus',
        description:
          'Alerts per second that Prometheus could not hand to any Alertmanager. Above zero: Alertmanager is down or slow, and nobody is told.',
        unit: 'cps',
        noValue: NO_PROMETHEUS,
      },
      [
        {
          expr: `sum by (instance) (${rate('prometheus_notifications_dropped_total')})`,
          legend: '{{instance}}',
        },
      ],
    ),
    lines(
      {
        ...CHART,
        id: 306,
        title: 'Notifications sent and failed',
        description:
          'Per second, over all receivers. Failed: wrong address, token or network; Alertmanager’s log says which.',
        unit: 'cps',
        noValue: NO_ALERTMANAGER,
        colours: { sent: 'green', failed: 'red' },
      },
      [
        { expr: `sum(${rate('alertmanager_notifications_total')})`, legend: 'sent' },
        { expr: `sum(${rate('alertmanager_notifications_failed_total')})`, legend: 'failed' },
      ],
    ),
    lines(
      {
        ...CHART,
        id: 307,
        title: 'Alerts in Alertmanager',
        description:
          'Active: told, or about to be. Suppressed: silenced by somebody, or inhibited by a weightier alert.',
        unit: 'short',
        noValue: NO_ALERTMANAGER,
        stacking: 'normal',
        colours: { active: 'red', suppressed: 'blue', unprocessed: 'yellow' },
      },
      [{ expr: 'sum by (state) (alertmanager_alerts)', legend: '{{state}}' }],
    ),
  ],
};
