import { collector } from '../collector.ts';
import { counter, gauge } from '../family.ts';

const LABELS = ['interface'] as const;

/** Interfaces that carry or could carry a path (rtnetlink; speed and signal from systeminformation, 30 s old at most). */
export const interfaces = collector(
  'interfaces',
  ['interfaces'],
  {
    received: counter(
      'mptcp_interface_receive_bytes_total',
      'Bytes received, headers included, from rtnl_link_stats64.',
      LABELS,
    ),
    transmitted: counter(
      'mptcp_interface_transmit_bytes_total',
      'Bytes sent, headers included, from rtnl_link_stats64.',
      LABELS,
    ),
    receiveDropped: counter(
      'mptcp_interface_receive_drop_total',
      'Packets dropped on arrival, from rtnl_link_stats64.',
      LABELS,
    ),
    transmitDropped: counter(
      'mptcp_interface_transmit_drop_total',
      'Packets dropped on departure, from rtnl_link_stats64.',
      LABELS,
    ),
    receiveErrors: counter('mptcp_interface_receive_errs_total', 'Receive errors, from rtnl_link_stats64.', LABELS),
    transmitErrors: counter('mptcp_interface_transmit_errs_total', 'Transmit errors, from rtnl_link_stats64.', LABELS),
    carrier: gauge('mptcp_interface_carrier', '1 when the link is there, 0 when it is not, from IFLA_CARRIER.', LABELS),
    carrierChanges: counter(
      'mptcp_interface_carrier_changes_total',
      'How often the link came or went, from IFLA_CARRIER_CHANGES.',
      LABELS,
    ),
    speed: gauge('mptcp_interface_speed_bytes_per_second', 'Negotiated link speed, from systeminformation.', LABELS),
    signal: gauge('mptcp_interface_wifi_signal_dbm', 'WiFi signal level, from systeminformation.', LABELS),
  },
  ({ picture: { snapshot, facts } }, emit) => {
    const wanted = new Set(snapshot.paths.flatMap(({ interfaceName }) => interfaceName?.split(',') ?? []));
    for (const { name, counters, carrier, carrierChanges } of snapshot.interfaces.value ?? []) {
      if (!wanted.has(name)) continue;
      const labels = { interface: name };
      emit.received(labels, counters?.receivedBytes);
      emit.transmitted(labels, counters?.transmittedBytes);
      emit.receiveDropped(labels, counters?.receiveDropped);
      emit.transmitDropped(labels, counters?.transmitDropped);
      emit.receiveErrors(labels, counters?.receiveErrors);
      emit.transmitErrors(labels, counters?.transmitErrors);
      emit.carrier(labels, carrier === undefined ? undefined : Number(carrier));
      emit.carrierChanges(labels, carrierChanges);
      emit.speed(labels, facts.get(name)?.speedBytesPerSecond);
      emit.signal(labels, facts.get(name)?.wifiSignalDbm);
    }
  },
);
