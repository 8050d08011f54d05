import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { frame } from './frame.ts';
import { UID } from './links.ts';
import { latency } from './probes/latency.ts';
import { measurements } from './probes/measurements.ts';
import { outcome } from './probes/outcome.ts';

/** What active probes found: whether they get through, latency, throughput, and what probing cost. */
export function probes(): Dashboard {
  return frame({
    uid: UID.probes,
    title: 'MPTCP / Probes',
    description:
      'Active measurements of each path: whether probes get through, latency, loss, throughput, and what they cost.',
    rows: [outcome, latency, measurements],
    since: 'now-6h',
    refresh: '30s',
  });
}
