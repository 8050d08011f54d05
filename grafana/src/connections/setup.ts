import type { Row } from '../frame.ts';
import { from, newest } from '../promql.ts';
import { table } from '../tables.ts';
import { NO_EXPORTER } from '../words.ts';

/** What the kernel is told to do with new connections. */
export const setup: Row = {
  id: 4,
  title: 'How MPTCP is set up',
  panels: [
    table({
      id: 401,
      title: 'Endpoints',
      description:
        'Addresses that the path manager may use (ip mptcp endpoint). subflow: this end opens subflows from it; signal: it is announced to peers; backup: used when the others fail. An uplink that is missing here gets no subflows: ip mptcp endpoint add ADDRESS dev INTERFACE subflow.',
      unit: 'none',
      noValue:
        'No endpoint: MPTCP uses one path only. Add the others: ip mptcp endpoint add ADDRESS dev INTERFACE subflow',
      width: 10,
      height: 8,
      facts: [newest(['id', 'address', 'interface', 'flags'], from('mptcp_endpoint_info'))],
      labels: { id: 'Id', address: 'Address', interface: 'Interface', flags: 'Flags', instance: 'Machine' },
      values: [],
    }),
    table({
      id: 402,
      title: 'Limits',
      description:
        'How many subflows a connection may add, and how many announced addresses it accepts. Fewer than you have uplinks: ip mptcp limits set subflows 4 add_addr_accepted 4.',
      unit: 'none',
      noValue: 'This kernel or source cannot tell the limits (see "What can be read" in Stack health).',
      width: 6,
      height: 8,
      facts: [],
      labels: { instance: 'Machine' },
      values: [
        { title: 'Subflows', expr: newest([], from('mptcp_limit_subflows')), unit: 'none' },
        { title: 'Accepted addresses', expr: newest([], from('mptcp_limit_add_addr_accepted')), unit: 'none' },
      ],
    }),
    table({
      id: 403,
      title: 'Kernel settings',
      description:
        'Every numeric net.mptcp sysctl. A connection keeps what was set when it began; changes of scheduler, path manager and endpoints are marked in the charts.',
      unit: 'none',
      noValue: NO_EXPORTER,
      width: 8,
      height: 8,
      facts: [],
      labels: { name: 'Sysctl net.mptcp.', instance: 'Machine' },
      values: [{ title: 'Value', expr: newest(['name'], from('mptcp_sysctl')), unit: 'none' }],
    }),
  ],
};
