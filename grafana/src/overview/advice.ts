import { FIRING, FIRING_SINCE } from '../alerts.ts';
import type { Row } from '../frame.ts';
import { TO_PATH } from '../links.ts';
import { newest, onPath } from '../promql.ts';
import { table } from '../tables.ts';

const ALERT = 'instance, path, alertname, severity';

/** What is wrong, and what would be better. */
export const advice: Row = {
  id: 3,
  title: 'What to look at',
  panels: [
    table({
      id: 301,
      title: 'Active alerts',
      description:
        'What fires now. docs/runbooks has a page by the name of each: what it means, how to check, how to fix. Silences are set in Alertmanager.',
      unit: 'none',
      noValue: 'No alert fires.',
      width: 14,
      height: 8,
      facts: [],
      labels: { alertname: 'Alert', severity: 'Severity', path: 'Path', instance: 'Machine' },
      links: { Path: TO_PATH },
      values: [
        {
          title: 'Since',
          expr: `max by (${ALERT}) (${FIRING_SINCE}) * 1000 and on (${ALERT}) max by (${ALERT}) (${FIRING})`,
          unit: 'dateTimeFromNow',
        },
      ],
    }),
    table({
      id: 302,
      title: 'Advice',
      description:
        'What the measurements suggest, with the reason. Nothing is changed by itself: the status page has the ip mptcp command to do it.',
      unit: 'none',
      noValue: 'No advice: nothing measured yet, or nothing to be gained.',
      width: 10,
      height: 8,
      facts: [newest(['path', 'action', 'reason'], onPath('mptcp_recommendation_info'))],
      labels: { path: 'Path', action: 'Action', reason: 'Reason', instance: 'Machine' },
      links: { Path: TO_PATH },
      values: [],
    }),
  ],
};
