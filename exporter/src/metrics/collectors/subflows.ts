import { collector } from '../collector.ts';
import { counter, gauge } from '../family.ts';
import { subflowLabels } from '../labels.ts';

const LABELS = ['token', 'path', 'local', 'remote'] as const;

/** The busiest subflows one by one, at most `--subflow.limit` of them (tcp_info, sock_diag). */
export const subflows = collector(
  'subflows',
  ['sockets'],
  {
    hidden: gauge(
      'mptcp_subflow_series_hidden',
      'Open subflows without series of their own, by --subflow.limit; the paths include them.',
    ),
    info: gauge('mptcp_subflow_info', 'An open subflow; empty labels are what the source cannot tell.', [
      ...LABELS,
      'local_id',
      'remote_id',
      'role',
      'backup',
      'congestion_control',
    ]),
    state: gauge('mptcp_subflow_state', '1 for the state the subflow is in, judged over time (docs/health.md).', [
      ...LABELS,
      'state',
    ]),
    sent: counter(
      'mptcp_subflow_sent_bytes_total',
      'TCP payload bytes sent, retransmissions included, from tcp_info.',
      LABELS,
    ),
    received: counter(
      'mptcp_subflow_received_bytes_total',
      'TCP payload bytes received in order, from tcp_info.',
      LABELS,
    ),
    acknowledged: counter(
      'mptcp_subflow_acknowledged_bytes_total',
      'TCP payload bytes the peer acknowledged, SYN and FIN counted, from tcp_info.',
      LABELS,
    ),
    retransmitted: counter(
      'mptcp_subflow_retransmitted_bytes_total',
      'TCP payload bytes sent again, from tcp_info.',
      LABELS,
    ),
    rtt: gauge('mptcp_subflow_rtt_seconds', 'Smoothed round-trip time, from tcp_info.', LABELS),
    rttVariation: gauge(
      'mptcp_subflow_rtt_variation_seconds',
      'Mean deviation of the round-trip time, from tcp_info.',
      LABELS,
    ),
    minRtt: gauge('mptcp_subflow_min_rtt_seconds', 'Least round-trip time of the last minutes, from tcp_info.', LABELS),
    congestionWindow: gauge('mptcp_subflow_congestion_window_bytes', 'Congestion window, from tcp_info.', LABELS),
    unacknowledged: gauge('mptcp_subflow_unacknowledged_segments', 'Segments in flight, from tcp_info.', LABELS),
    lost: gauge('mptcp_subflow_lost_segments', 'Segments in flight that are thought lost, from tcp_info.', LABELS),
    deliveryRate: gauge(
      'mptcp_subflow_delivery_rate_bytes_per_second',
      "The kernel's latest estimate of what the path delivers, from tcp_info.",
      LABELS,
    ),
    pacingRate: gauge('mptcp_subflow_pacing_rate_bytes_per_second', 'Rate the kernel paces at, from tcp_info.', LABELS),
    send: gauge(
      'mptcp_subflow_send_throughput_bytes_per_second',
      'Bytes sent per second over the last sampling interval.',
      LABELS,
    ),
    receive: gauge(
      'mptcp_subflow_receive_throughput_bytes_per_second',
      'Bytes received per second over the last sampling interval.',
      LABELS,
    ),
    busy: counter('mptcp_subflow_busy_seconds_total', 'Time with data to send, from tcp_info.', LABELS),
    receiveWindowLimited: counter(
      'mptcp_subflow_receive_window_limited_seconds_total',
      "Busy time limited by the peer's receive window, from tcp_info.",
      LABELS,
    ),
    sendBufferLimited: counter(
      'mptcp_subflow_send_buffer_limited_seconds_total',
      'Busy time limited by the send buffer, from tcp_info.',
      LABELS,
    ),
    lastAcknowledgement: gauge(
      'mptcp_subflow_last_acknowledgement_seconds',
      'Time since the last acknowledgement arrived, from tcp_info.',
      LABELS,
    ),
  },
  ({ picture: { snapshot, ledger, health, shownSubflows, hiddenSubflows } }, emit) => {
    if (snapshot.sockets.value === undefined) return;
    emit.hidden({}, hiddenSubflows);
    for (const subflow of shownSubflows) {
      const labels = subflowLabels(subflow);
      const { role, backup, socket } = subflow;
      const { tcp, localId, remoteId } = socket;
      emit.info(
        {
          ...labels,
          local_id: localId ?? '',
          remote_id: remoteId ?? '',
          role: role ?? '',
          backup: backup === undefined ? '' : String(backup),
          congestion_control: tcp.congestionControl ?? '',
        },
        1,
      );
      const state = health.stateOf(subflow);
      if (state !== undefined) emit.state({ ...labels, state }, 1);
      emit.sent(labels, tcp.sentBytes);
      emit.received(labels, tcp.receivedBytes);
      emit.acknowledged(labels, tcp.acknowledgedBytes);
      emit.retransmitted(labels, tcp.retransmittedBytes);
      emit.rtt(labels, tcp.rttSeconds);
      emit.rttVariation(labels, tcp.rttVariationSeconds);
      emit.minRtt(labels, tcp.minRttSeconds);
      emit.congestionWindow(labels, tcp.congestionWindowBytes);
      emit.unacknowledged(labels, tcp.unacknowledgedSegments);
      emit.lost(labels, tcp.lostSegments);
      emit.deliveryRate(labels, tcp.deliveryRateBytesPerSecond);
      emit.pacingRate(labels, tcp.pacingRateBytesPerSecond);
      const rates = ledger.ratesOf(subflow.key);
      emit.send(labels, rates.sendBytesPerSecond);
      emit.receive(labels, rates.receiveBytesPerSecond);
      emit.busy(labels, tcp.busySeconds);
      emit.receiveWindowLimited(labels, tcp.receiveWindowLimitedSeconds);
      emit.sendBufferLimited(labels, tcp.sendBufferLimitedSeconds);
      emit.lastAcknowledgement(labels, tcp.lastAcknowledgementSeconds);
    }
  },
);
