import { lines } from '../charts.ts';
import type { Row } from '../frame.ts';
import type { Query } from '../panels.ts';
import { from, rate } from '../promql.ts';
import { NO_COUNTER } from '../words.ts';

const CHART = { width: 12, height: 8, unit: 'cps', noValue: NO_COUNTER } as const;

/** Growth per second of a counter of the kernel's MPTcpExt table, by the name it has in the exposition. */
function mib(counter: string, title: string): Query {
  return { expr: rate(from(`mptcp_mib_${counter}_total`)), legend: `${title} ({{instance}})` };
}

/** What the kernel counts for the whole machine. */
export const counters: Row = {
  id: 3,
  title: 'How they come to be, fall back and break',
  panels: [
    lines(
      {
        ...CHART,
        id: 301,
        title: 'Joins',
        description:
          'Subflows added to connections (MP_JOIN), per second. This end asks and the peer answers, or the other way round. Asked without being answered: a firewall, a missing route, or a middlebox that removes MPTCP options on that path.',
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
        ...CHART,
        id: 302,
        title: 'Fallbacks by cause',
        description:
          'Connections that became plain TCP, per second. No MPTCP in the answer: the peer or a middlebox does not speak it. Later ones: a middlebox changes the stream, as transparent proxies do; MPTCP over that path needs a tunnel.',
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
        ...CHART,
        id: 303,
        title: 'Trouble on paths, as the kernel sees it',
        description:
          'Per second. Stale: a subflow stopped being acknowledged while others went on, within about 2 s of a link dying. Sent again elsewhere: data moved to another path. Resets: a subflow was refused or torn down.',
      },
      [
        mib('subflow_stale', 'Stale'),
        mib('subflow_recover', 'Recovered'),
        mib('mptcp_retrans', 'Sent again elsewhere'),
        mib('mp_rst_tx', 'Reset by this end'),
        mib('mp_rst_rx', 'Reset by the peer'),
      ],
    ),
    lines(
      {
        ...CHART,
        id: 304,
        title: 'Events of the path manager',
        description:
          'What the kernel tells of connections, subflows and announced addresses, per second. The exporter needs CAP_NET_ADMIN to hear it.',
        noValue: 'The kernel tells no events: the exporter lacks CAP_NET_ADMIN ("What can be read" in Stack health).',
      },
      [{ expr: `sum by (event) (${rate(from('mptcp_pm_events_total'))})`, legend: '{{event}}' }],
    ),
  ],
};
