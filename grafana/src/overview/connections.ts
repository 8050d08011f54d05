import type { Row } from '../frame.ts';
import { lines, type Query, stat } from '../panels.ts';
import { from, onPath, rate } from '../promql.ts';
import { table } from '../tables.ts';
import { NO_EXPORTER, NO_SUBFLOW } from './words.ts';

const NO_COUNTER = 'This kernel does not count these, or the exporter is not running.';

/** Growth per second of a counter of the kernel's MPTcpExt table, by the name it has in the exposition. */
function mib(counter: string, title: string): Query {
  return { expr: rate(from(`mptcp_mib_${counter}_total`)), legend: `${title} ({{instance}})` };
}

const SUBFLOW = 'instance, path, token, local, remote';
const BUSIEST = `and on (instance, token, local, remote) topk(50, ${onPath('mptcp_subflow_send_throughput_bytes_per_second')} + ${onPath('mptcp_subflow_receive_throughput_bytes_per_second')})`;

/** `expression` of the busiest 50 subflows, one value each. */
const ofBusiest = (expression: string, moreLabels = ''): string =>
  `max by (${SUBFLOW}${moreLabels}) (${expression}) ${BUSIEST}`;

/** Connections and their subflows: how they come to be, fall back, break, and which are busy. */
export const connections: Row = {
  id: 3,
  title: 'Connections and subflows',
  panels: [
    lines(
      {
        id: 301,
        title: 'Connections by state',
        description:
          'MPTCP sockets by TCP state; fallback are those that run as plain TCP. Many in close_wait: an application does not close its sockets.',
        unit: 'short',
        noValue: 'No MPTCP connection in this time: start an application that uses MPTCP (mptcpize run ...).',
        width: 8,
        height: 8,
        stacking: 'normal',
        colours: { established: 'green', fallback: 'orange', close_wait: 'red' },
      },
      [{ expr: `sum by (state) (${from('mptcp_connections')})`, legend: '{{state}}' }],
    ),
    lines(
      {
        id: 302,
        title: 'Joins',
        description:
          'Subflows added to connections (MP_JOIN), per second. This end asks and the peer answers, or the other way round. Asked without being answered: a firewall, a missing route, or a middlebox that removes MPTCP options on that path.',
        unit: 'cps',
        noValue: NO_COUNTER,
        width: 8,
        height: 8,
      },
      [
        mib('mp_join_syn_tx', 'Asked by this end'),
        mib('mp_join_syn_ack_rx', 'Answered by the peer'),
        mib('mp_join_syn_rx', 'Asked by the peer'),
        mib('mp_join_ack_rx', 'Completed by the peer'),
      ],
    ),
    lines(
      {
        id: 303,
        title: 'Fallbacks by cause',
        description:
          'Connections that became plain TCP, per second. No MPTCP in the answer: the peer or a middlebox does not speak it. Later ones: a middlebox changes the stream, as transparent proxies do; MPTCP over that path needs a tunnel.',
        unit: 'cps',
        noValue: NO_COUNTER,
        width: 8,
        height: 8,
      },
      [
        mib('mp_capable_fallback_synack', 'No MPTCP in the answer'),
        mib('mp_capable_fallback_ack', 'No MPTCP from the client'),
        mib('mp_capable_data_fallback', 'No MPTCP on the first data'),
        mib('dss_fallback', 'Mapping lost'),
        mib('dss_corruption_fallback', 'Mapping damaged'),
        mib('infinite_map_rx', 'The peer fell back'),
      ],
    ),
    lines(
      {
        id: 304,
        title: 'Trouble on paths, as the kernel sees it',
        description:
          'Per second. Stale: a subflow stopped being acknowledged while others went on, within about 2 s of a link dying. Sent again elsewhere: data moved to another path. Resets: a subflow was refused or torn down.',
        unit: 'cps',
        noValue: NO_COUNTER,
        width: 12,
        height: 8,
      },
      [
        mib('subflow_stale', 'Stale'),
        mib('subflow_recover', 'Recovered'),
        mib('mptcp_retrans', 'Sent again elsewhere'),
        mib('mp_rst_tx', 'Reset by this end'),
        mib('mp_rst_rx', 'Reset by the peer'),
      ],
    ),
    table({
      id: 305,
      title: 'Endpoints',
      description:
        'Addresses that the path manager may use (ip mptcp endpoint). subflow: this end opens subflows from it; signal: it is announced to peers; backup: used when the others fail. An uplink that is missing here gets no subflows: ip mptcp endpoint add ADDRESS dev INTERFACE subflow.',
      unit: 'none',
      noValue:
        'No endpoint: MPTCP uses one path only. Add the others: ip mptcp endpoint add ADDRESS dev INTERFACE subflow',
      width: 8,
      height: 8,
      facts: [`max by (instance, id, address, interface, flags) (${from('mptcp_endpoint_info')})`],
      labels: { id: 'Id', address: 'Address', interface: 'Interface', flags: 'Flags', instance: 'Machine' },
      values: [],
    }),
    table({
      id: 306,
      title: 'Limits',
      description:
        'How many subflows a connection may add, and how many announced addresses it accepts. Fewer than you have uplinks: ip mptcp limits set subflows 4 add_addr_accepted 4.',
      unit: 'none',
      noValue: 'This kernel or source cannot tell the limits (see "What can be read").',
      width: 4,
      height: 8,
      facts: [],
      labels: { instance: 'Machine' },
      values: [
        { title: 'Subflows', expr: `max by (instance) (${from('mptcp_limit_subflows')})`, unit: 'none' },
        {
          title: 'Accepted addresses',
          expr: `max by (instance) (${from('mptcp_limit_add_addr_accepted')})`,
          unit: 'none',
        },
      ],
    }),
    table({
      id: 307,
      title: 'Busiest subflows',
      description:
        'The 50 subflows that move most now. Unacknowledged segments that stay while nothing is sent: that path is stuck. Path totals include the subflows that are not listed.',
      unit: 'short',
      noValue: NO_SUBFLOW,
      width: 21,
      height: 10,
      facts: [ofBusiest(onPath('mptcp_subflow_info'), ', role, backup, congestion_control')],
      labels: {
        path: 'Path',
        local: 'Local',
        remote: 'Remote',
        token: 'Connection',
        role: 'Role',
        backup: 'Backup',
        congestion_control: 'Congestion control',
        instance: 'Machine',
      },
      values: [
        { title: 'Sending', expr: ofBusiest(onPath('mptcp_subflow_send_throughput_bytes_per_second')), unit: 'Bps' },
        {
          title: 'Receiving',
          expr: ofBusiest(onPath('mptcp_subflow_receive_throughput_bytes_per_second')),
          unit: 'Bps',
        },
        { title: 'Round trip', expr: ofBusiest(onPath('mptcp_subflow_rtt_seconds')), unit: 's' },
        {
          title: 'Congestion window',
          expr: ofBusiest(onPath('mptcp_subflow_congestion_window_bytes')),
          unit: 'decbytes',
        },
        { title: 'Unacknowledged', expr: ofBusiest(onPath('mptcp_subflow_unacknowledged_segments')), unit: 'short' },
      ],
      sortBy: 'Sending',
    }),
    stat(
      {
        id: 308,
        title: 'Not listed',
        description:
          'Subflows without series of their own, left out by --subflow.limit: the idlest. Path totals include them. Raise the limit only if you need to see them one by one.',
        unit: 'short',
        noValue: NO_EXPORTER,
        width: 3,
        height: 10,
      },
      { expr: `sum(${from('mptcp_subflow_series_hidden')})`, legend: 'hidden' },
    ),
  ],
};
