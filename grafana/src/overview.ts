import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { frame } from './frame.ts';
import { connections } from './overview/connections.ts';
import { machine } from './overview/machine.ts';
import { now } from './overview/now.ts';
import { paths } from './overview/paths.ts';

/** The first dashboard: what an operator of one or a few machines wants to see without being told anything. */
export function overview(): Dashboard {
  return frame({
    uid: 'mptcp-overview',
    title: 'MPTCP / Overview',
    description:
      'Multipath TCP on the chosen machines: paths, connections, subflows, and whether the exporter can be trusted.',
    rows: [now, paths, connections, ...machine],
  });
}
