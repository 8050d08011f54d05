import type { Row } from '../frame.ts';
import { linkTo, TO_PATH, UID } from '../links.ts';
import { from, onPath, rate } from '../promql.ts';
import { table } from '../tables.ts';
import { NO_SUBFLOW } from '../words.ts';

/** As many rows as anybody reads; the exporter's own bound is --subflow.limit. */
const ROWS = 50;
const CHOSEN = 'token=~"$token"';
const TO_CONNECTION = linkTo(UID.connections, 'Only this connection', {
  instance: '__data.fields.Machine:percentencode',
  token: '__value.raw:percentencode',
});

const THROUGHPUT = `${onPath('mptcp_subflow_send_throughput_bytes_per_second', CHOSEN)} + ${onPath('mptcp_subflow_receive_throughput_bytes_per_second', CHOSEN)}`;

const BUSIEST_SUBFLOWS = `and on (instance, token, local, remote) topk(${ROWS}, ${THROUGHPUT})`;
const ofSubflows = (expression: string, moreLabels = '') =>
  `max by (instance, path, token, local, remote${moreLabels}) (${expression}) ${BUSIEST_SUBFLOWS}`;
const subflow = (what: string) => ofSubflows(onPath(`mptcp_subflow_${what}`, CHOSEN));

const BUSIEST_CONNECTIONS = `and on (instance, token) topk(${ROWS}, sum by (instance, token) (${THROUGHPUT}))`;
const ofConnections = (expression: string) => `sum by (instance, token, remote) (${expression}) ${BUSIEST_CONNECTIONS}`;
const perSecond = (what: string) => ofConnections(rate(from(`mptcp_connection_${what}_bytes_total`, CHOSEN)));

/** The busiest connections, and the subflows of those chosen. */
export const tables: Row = {
  id: 2,
  title: 'One by one',
  panels: [
    table({
      id: 201,
      title: 'Busiest connections',
      description: `The ${ROWS} connections that move most now on the chosen paths. A click on a connection shows only its subflows below. Sent again: data that MPTCP moved to another path, since the first did not deliver it.`,
      unit: 'short',
      noValue: NO_SUBFLOW,
      width: 24,
      height: 9,
      facts: [],
      labels: { token: 'Connection', remote: 'Remote', instance: 'Machine' },
      links: { Connection: TO_CONNECTION },
      values: [
        {
          title: 'Subflows',
          expr: ofConnections(from('mptcp_connection_subflows', CHOSEN)),
          unit: 'short',
        },
        { title: 'Sending', expr: perSecond('sent'), unit: 'Bps' },
        { title: 'Receiving', expr: perSecond('received'), unit: 'Bps' },
        { title: 'Sent again', expr: perSecond('retransmitted'), unit: 'Bps' },
      ],
      sortBy: 'Sending',
    }),
    table({
      id: 202,
      title: 'Busiest subflows',
      description: `The ${ROWS} subflows that move most now. Unacknowledged segments that stay while nothing is sent: that path is stuck. Path totals include the subflows that are not listed.`,
      unit: 'short',
      noValue: NO_SUBFLOW,
      width: 24,
      height: 10,
      facts: [
        ofSubflows(onPath('mptcp_subflow_info', CHOSEN), ', role, backup, congestion_control'),
        ofSubflows(`${onPath('mptcp_subflow_state', CHOSEN)} == 1`, ', state'),
      ],
      labels: {
        path: 'Path',
        local: 'Local',
        remote: 'Remote',
        token: 'Connection',
        state: 'State',
        role: 'Role',
        backup: 'Backup',
        congestion_control: 'Congestion control',
        instance: 'Machine',
      },
      links: { Path: TO_PATH, Connection: TO_CONNECTION },
      values: [
        { title: 'Sending', expr: subflow('send_throughput_bytes_per_second'), unit: 'Bps' },
        { title: 'Receiving', expr: subflow('receive_throughput_bytes_per_second'), unit: 'Bps' },
        { title: 'Round trip', expr: subflow('rtt_seconds'), unit: 's' },
        { title: 'Least round trip', expr: subflow('min_rtt_seconds'), unit: 's' },
        { title: 'Congestion window', expr: subflow('congestion_window_bytes'), unit: 'decbytes' },
        { title: 'Unacknowledged', expr: subflow('unacknowledged_segments'), unit: 'short' },
        { title: 'Last acknowledgement', expr: subflow('last_acknowledgement_seconds'), unit: 's' },
      ],
      sortBy: 'Sending',
    }),
  ],
};
