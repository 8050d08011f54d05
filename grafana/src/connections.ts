import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { counters } from './connections/counters.ts';
import { now } from './connections/now.ts';
import { setup } from './connections/setup.ts';
import { tables } from './connections/tables.ts';
import { frame } from './frame.ts';
import { UID } from './links.ts';

/** Connections and their subflows one by one, as far as they have series, and how they come to be, fall back and break. */
export function connections(): Dashboard {
  return frame({
    uid: UID.connections,
    title: 'MPTCP / Connections',
    description:
      'MPTCP connections and their subflows, the busiest one by one; joins, fallbacks, and what the path manager is told.',
    rows: [now, tables, counters, setup],
    variables: [
      {
        label: 'token',
        metric: 'mptcp_subflow_info',
        description: 'Local tokens of connections: a click on one in the tables chooses it.',
      },
    ],
  });
}
