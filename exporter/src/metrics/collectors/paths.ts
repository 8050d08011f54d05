import { SUBFLOW_HEALTH_STATES } from '../../mptcp/health/states.ts';
import { CLOSE_REASONS } from '../../mptcp/ledger/path-totals.ts';
import { collector } from '../collector.ts';
import { counter, gauge, histogram } from '../family.ts';

/** Paths: what each uplink carries and how fast, summed over all its subflows, open and closed (ledger). */
export const paths = collector(
  'paths',
  ['sockets', 'interfaces'],
  {
    info: gauge(
      'mptcp_path_info',
      'A path, from the configuration, else an interface that carries or could carry subflows. Lists are joined by commas.',
      ['path', 'interface', 'address', 'access', 'metered', 'backup', 'endpoint_id'],
    ),
    sent: counter(
      'mptcp_path_sent_bytes_total',
      'TCP payload bytes sent by all MPTCP subflows of the path since the exporter started, retransmissions included, from tcp_info.',
      ['path'],
    ),
    received: counter(
      'mptcp_path_received_bytes_total',
      'TCP payload bytes received in order by all MPTCP subflows of the path since the exporter started, from tcp_info.',
      ['path'],
    ),
    retransmitted: counter(
      'mptcp_path_retransmitted_bytes_total',
      'TCP payload bytes sent again on the path since the exporter started, from tcp_info.',
      ['path'],
    ),
    acknowledged: counter(
      'mptcp_path_acknowledged_bytes_total',
      'TCP payload bytes the peer acknowledged on the path since the exporter started, SYN and FIN counted, from tcp_info.',
      ['path'],
    ),
    unaccounted: counter(
      'mptcp_path_unaccounted_closes_total',
      'Subflows whose last bytes could not be learnt, because they closed abruptly or the kernel does not tell of closes: what moved since the look before is missing from the totals.',
      ['path'],
    ),
    subflows: gauge(
      'mptcp_path_subflows',
      'Open subflows by what they do, judged over time; stalled and silent ones are suspicious (docs/health.md).',
      ['path', 'state'],
    ),
    established: counter(
      'mptcp_path_subflows_established_total',
      'Subflows that opened on the path since the exporter started.',
      ['path'],
    ),
    closed: counter(
      'mptcp_path_subflows_closed_total',
      'Subflows that closed since the exporter started: with their connection, alone while it went on, or reset or refused.',
      ['path', 'reason'],
    ),
    rtt: histogram(
      'mptcp_path_rtt_seconds',
      'Smoothed round-trip times of subflows that moved data, one observation per subflow and sample, from tcp_info.',
      ['path'],
    ),
    send: gauge(
      'mptcp_path_send_throughput_bytes_per_second',
      'Bytes sent per second over the last sampling interval.',
      ['path'],
    ),
    receive: gauge(
      'mptcp_path_receive_throughput_bytes_per_second',
      'Bytes received per second over the last sampling interval.',
      ['path'],
    ),
    maximumSend: gauge(
      'mptcp_path_send_throughput_max_bytes_per_second',
      'Highest send throughput of a sampling interval in the last 15 s.',
      ['path'],
    ),
    maximumReceive: gauge(
      'mptcp_path_receive_throughput_max_bytes_per_second',
      'Highest receive throughput of a sampling interval in the last 15 s.',
      ['path'],
    ),
  },
  ({ picture: { snapshot, ledger, throughput, facts, health } }, emit) => {
    for (const { name, interfaceName, addresses, access, metered, backup, endpointIds } of snapshot.paths) {
      emit.info(
        {
          path: name,
          interface: interfaceName ?? '',
          address: addresses.join(','),
          access: access ?? facts.get(interfaceName ?? '')?.access ?? '',
          metered: flag(metered),
          backup: flag(backup),
          endpoint_id: endpointIds.join(','),
        },
        1,
      );
    }
    // A path that has carried nothing is at 0, not absent, or its first bytes would be lost to rate().
    const none = snapshot.capabilities.get('subflow_bytes') === false ? undefined : 0;
    for (const [path, totals] of ledger.paths) {
      const labels = { path };
      emit.sent(labels, totals.sentBytes ?? none);
      emit.received(labels, totals.receivedBytes ?? none);
      emit.retransmitted(labels, totals.retransmittedBytes ?? none);
      emit.acknowledged(labels, totals.acknowledgedBytes ?? none);
      emit.unaccounted(labels, totals.unaccountedCloses);
      emit.established(labels, totals.subflowsEstablished);
      for (const reason of CLOSE_REASONS) emit.closed({ path, reason }, totals.subflowsClosed[reason]);
      const speed = throughput.of(path);
      if (speed === undefined) continue;
      emit.send(labels, speed.sendBytesPerSecond);
      emit.receive(labels, speed.receiveBytesPerSecond);
      emit.maximumSend(labels, speed.maximumSendBytesPerSecond);
      emit.maximumReceive(labels, speed.maximumReceiveBytesPerSecond);
      if (snapshot.capabilities.get('subflow_rtt') === false) continue;
      emit.rtt.buckets(labels, speed.rtt);
    }
    if (snapshot.sockets.value === undefined) return;
    for (const path of ledger.paths.keys()) {
      const open = health.paths.get(path)?.judgement.subflows;
      for (const state of SUBFLOW_HEALTH_STATES) emit.subflows({ path, state }, open?.[state] ?? 0);
    }
  },
);

/** `true`, `false`, or empty where it is not known. */
function flag(value: boolean | undefined): string {
  return value === undefined ? '' : String(value);
}
