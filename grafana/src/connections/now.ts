import { lines } from '../charts.ts';
import type { Row } from '../frame.ts';
import { stat, steps } from '../panels.ts';
import { from, newest } from '../promql.ts';
import { goodOrNot, NO_EXPORTER } from '../words.ts';

const STAT = { width: 6, height: 4 } as const;

/** How many there are, and whether MPTCP is on at all. */
export const now: Row = {
  id: 1,
  title: 'Now',
  panels: [
    stat(
      {
        ...STAT,
        id: 101,
        title: 'MPTCP in the kernel',
        description:
          'The sysctl net.mptcp.enabled (out-of-tree kernel: mptcp_enabled). When off, new connections are plain TCP: sysctl -w net.mptcp.enabled=1.',
        unit: 'none',
        noValue: 'Not known: this kernel has no MPTCP, or the exporter is not running.',
        mappings: [goodOrNot('On', 'Off')],
      },
      { expr: newest([], from('mptcp_enabled')), legend: '{{instance}}' },
    ),
    stat(
      {
        ...STAT,
        id: 102,
        title: 'Connections',
        description:
          'Established MPTCP connections. Those that fell back to plain TCP are counted apart, to the right.',
        unit: 'short',
        noValue: 'None: try mptcpize run curl ...',
      },
      { expr: `sum(${from('mptcp_connections', 'state="established"')})`, legend: 'established' },
    ),
    stat(
      {
        ...STAT,
        id: 103,
        title: 'Fallbacks',
        description:
          'Connections of MPTCP applications that run as plain TCP now: the peer does not speak MPTCP, or a middlebox removed its options. "Fallbacks by cause" below tells which.',
        unit: 'short',
        noValue: 'None now.',
        thresholds: steps('green', [1, 'orange']),
      },
      { expr: `sum(${from('mptcp_connections', 'state="fallback"')})`, legend: 'fallback' },
    ),
    stat(
      {
        ...STAT,
        id: 104,
        title: 'Subflows without series',
        description:
          'Subflows left out of the tables by --subflow.limit: the idlest. Path totals include them. Raise the limit only if you need to see them one by one.',
        unit: 'short',
        noValue: NO_EXPORTER,
      },
      { expr: `sum(${from('mptcp_subflow_series_hidden')})`, legend: 'hidden' },
    ),
    lines(
      {
        id: 105,
        title: 'Connections by state',
        description:
          'MPTCP sockets by TCP state; fallback are those that run as plain TCP. Many in close_wait: an application does not close its sockets.',
        unit: 'short',
        noValue: 'No MPTCP connection in this time: start an application that uses MPTCP (mptcpize run ...).',
        width: 24,
        height: 7,
        stacking: 'normal',
        colours: { established: 'green', fallback: 'orange', close_wait: 'red' },
      },
      [{ expr: `sum by (state) (${from('mptcp_connections')})`, legend: '{{state}}' }],
    ),
  ],
};
