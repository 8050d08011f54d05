import { PATH_MANAGER_EVENTS } from '../../mptcp/model.ts';
import { collector } from '../collector.ts';
import { counter } from '../family.ts';

/** What the path manager told (generic netlink group mptcp_pm_events). */
export const events = collector(
  'events',
  [],
  {
    pathManager: counter(
      'mptcp_pm_events_total',
      'Events of the path manager since the exporter started, from mptcp_pm; absent where the kernel does not tell them.',
      ['event'],
    ),
  },
  ({ picture: { pathManagerEvents } }, emit) => {
    if (pathManagerEvents === undefined) return;
    for (const event of PATH_MANAGER_EVENTS) emit.pathManager({ event }, pathManagerEvents.get(event) ?? 0);
  },
);
