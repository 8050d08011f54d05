import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { frame } from './frame.ts';
import { UID } from './links.ts';
import { alerting } from './stack-health/alerting.ts';
import { exporter } from './stack-health/exporter.ts';
import { prometheus } from './stack-health/prometheus.ts';

/** Whether the numbers on the other dashboards can be trusted: the exporter, Prometheus and Alertmanager themselves. */
export function stackHealth(): Dashboard {
  return frame({
    uid: UID.stackHealth,
    title: 'MPTCP / Stack health',
    description:
      'Can the numbers be trusted? The exporter, Prometheus with its rules and storage, and the way of alerts.',
    rows: [exporter, prometheus, alerting],
    since: 'now-1h',
  });
}
