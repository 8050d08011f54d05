import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { frame } from './frame.ts';
import { UID } from './links.ts';
import { aggregation } from './thesis/aggregation.ts';
import { latency } from './thesis/latency.ts';
import { schedulers } from './thesis/schedulers.ts';
import { transfers } from './thesis/transfers.ts';

/** Does MPTCP help or hurt? The figures of the thesis behind this project, as they are on these paths. */
export function thesis(): Dashboard {
  return frame({
    uid: UID.thesis,
    title: 'MPTCP / Thesis',
    description:
      'Does MPTCP help or hurt here? MPTCP against each path alone, utilisation of the paths, latency, transfer times, and what the scheduler changes.',
    rows: [aggregation, latency, transfers, schedulers],
    since: 'now-24h',
    refresh: '1m',
  });
}
