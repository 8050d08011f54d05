import type { Row } from '../frame.ts';
import { bands, lines, steps } from '../panels.ts';
import { from, rate, sumBy } from '../promql.ts';
import { table } from '../tables.ts';
import { goodOrNot, NO_EXPORTER } from './words.ts';

const INTERFACE = ['interface'];

const interfaces: Row = {
  id: 4,
  title: 'Interfaces',
  panels: [
    bands(
      {
        id: 401,
        title: 'Carrier',
        description:
          'Whether each interface has a link. Red: cable out, WiFi disassociated, modem without network. MPTCP itself reports no event for this.',
        unit: 'none',
        noValue: 'No interface is reported: see "Collectors" below.',
        width: 9,
        height: 8,
        mappings: [goodOrNot('Link', 'No link')],
        thresholds: steps('red', [1, 'green']),
      },
      [{ expr: sumBy(INTERFACE, from('mptcp_interface_carrier')), legend: '{{interface}} ({{instance}})' }],
    ),
    table({
      id: 402,
      title: 'Interfaces',
      description:
        'All traffic of the interfaces that carry or could carry a path, not only MPTCP. Drops that grow: the queue or the driver is overrun. Errors that grow: cable or radio. Signal below -75 dBm: move closer. The kernel does not know the speed of WiFi and modems at all times.',
      unit: 'short',
      noValue: NO_EXPORTER,
      width: 15,
      height: 8,
      facts: [],
      labels: { interface: 'Interface', instance: 'Machine' },
      values: [
        {
          title: 'Carrier',
          expr: sumBy(INTERFACE, from('mptcp_interface_carrier')),
          unit: 'none',
          mappings: [goodOrNot('Link', 'No link')],
        },
        { title: 'Link speed', expr: sumBy(INTERFACE, from('mptcp_interface_speed_bytes_per_second')), unit: 'Bps' },
        {
          title: 'Signal',
          expr: sumBy(INTERFACE, from('mptcp_interface_wifi_signal_dbm')),
          unit: 'dBm',
          thresholds: steps('red', [-80, 'orange'], [-70, 'green']),
        },
        {
          title: 'Transmitting',
          expr: sumBy(INTERFACE, rate(from('mptcp_interface_transmit_bytes_total'))),
          unit: 'Bps',
        },
        { title: 'Receiving', expr: sumBy(INTERFACE, rate(from('mptcp_interface_receive_bytes_total'))), unit: 'Bps' },
        {
          title: 'Drops',
          expr: sumBy(
            INTERFACE,
            `${rate(from('mptcp_interface_transmit_drop_total'))} + ${rate(from('mptcp_interface_receive_drop_total'))}`,
          ),
          unit: 'pps',
          thresholds: steps('green', [1, 'orange']),
        },
        {
          title: 'Errors',
          expr: sumBy(
            INTERFACE,
            `${rate(from('mptcp_interface_transmit_errs_total'))} + ${rate(from('mptcp_interface_receive_errs_total'))}`,
          ),
          unit: 'pps',
          thresholds: steps('green', [0.1, 'red']),
        },
      ],
    }),
  ],
};

const exporter: Row = {
  id: 5,
  title: 'Can the numbers be trusted?',
  panels: [
    bands(
      {
        id: 501,
        title: 'Collectors',
        description:
          'Whether each group of metrics could be read at each scrape. Red: what it reports is missing, not zero. "Errors" to the right names the reason, the log the remedy.',
        unit: 'none',
        noValue: NO_EXPORTER,
        width: 8,
        height: 8,
        mappings: [goodOrNot('Read', 'Failed')],
        thresholds: steps('red', [1, 'green']),
      },
      [{ expr: sumBy(['collector'], from('mptcp_scrape_collector_success')), legend: '{{collector}} ({{instance}})' }],
    ),
    lines(
      {
        id: 502,
        title: 'Time per collector',
        description:
          'How long each group of metrics took at a scrape. A second or more: the machine is overloaded, or has very many sockets.',
        unit: 's',
        noValue: NO_EXPORTER,
        width: 8,
        height: 8,
      },
      [
        {
          expr: sumBy(['collector'], from('mptcp_scrape_collector_duration_seconds')),
          legend: '{{collector}} ({{instance}})',
        },
      ],
    ),
    lines(
      {
        id: 503,
        title: 'Errors',
        description:
          'Errors of the exporter per second, by collector and reason. permission_denied: it lacks CAP_NET_ADMIN. dump_interrupted now and then is harmless: it was read again.',
        unit: 'cps',
        noValue: 'No error so far.',
        width: 8,
        height: 8,
      },
      [
        {
          expr: sumBy(['collector', 'reason'], rate(from('mptcp_exporter_errors_total'))),
          legend: '{{collector}}: {{reason}} ({{instance}})',
        },
      ],
    ),
    table({
      id: 504,
      title: 'What runs',
      description:
        'Exporter, reader and kernel. Reader ss where netlink should be: koffi could not load on this platform, and reading costs more.',
      unit: 'none',
      noValue: NO_EXPORTER,
      width: 15,
      height: 8,
      facts: [
        `max by (instance, version, node) (${from('mptcp_exporter_build_info')})`,
        `max by (instance, source, kernel, release) (${from('mptcp_source_info')})`,
        `max by (instance, scheduler) (${from('mptcp_scheduler_info')})`,
        `max by (instance, path_manager) (${from('mptcp_path_manager_info')})`,
      ],
      labels: {
        instance: 'Machine',
        version: 'Exporter',
        node: 'Node.js',
        source: 'Reader',
        kernel: 'Kernel',
        release: 'Release',
        scheduler: 'Scheduler',
        path_manager: 'Path manager',
      },
      values: [],
    }),
    table({
      id: 505,
      title: 'What can be read',
      description:
        'What this kernel, reader and privilege can report; what they cannot is absent, never zero. More with CAP_NET_ADMIN, and with a newer kernel.',
      unit: 'none',
      noValue: NO_EXPORTER,
      width: 9,
      height: 8,
      facts: [],
      labels: { capability: 'Capability', instance: 'Machine' },
      values: [
        {
          title: 'Readable',
          expr: `max by (instance, capability) (${from('mptcp_capability')})`,
          unit: 'none',
          mappings: [goodOrNot('Yes', 'No')],
        },
      ],
    }),
  ],
};

/** The machine under the paths, and the exporter itself. */
export const machine: readonly Row[] = [interfaces, exporter];
