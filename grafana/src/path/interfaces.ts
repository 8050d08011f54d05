import { bands, lines } from '../charts.ts';
import type { Row } from '../frame.ts';
import { steps } from '../panels.ts';
import { from, newest, onPath, rate, sumBy } from '../promql.ts';
import { table } from '../tables.ts';
import { goodOrNot, NO_EXPORTER } from '../words.ts';

const INTERFACE = ['interface'];
const INFO = newest(INTERFACE, onPath('mptcp_path_info'));
// A path over two interfaces has both in one label, joined by a comma.
const OF_PATHS = `(label_replace(${INFO}, "interface", "$1", "interface", "(.*),.*") or label_replace(${INFO}, "interface", "$1", "interface", ".*,(.*)"))`;

/** `expression`, which has a series per interface, on the interfaces of the chosen paths. */
const ofPaths = (expression: string) => `${expression} and on (instance, interface) ${OF_PATHS}`;

const LEGEND = '{{interface}} ({{instance}})';
const received = (what: string) => rate(from(`mptcp_interface_receive_${what}_total`));
const transmitted = (what: string) => rate(from(`mptcp_interface_transmit_${what}_total`));

/** The interfaces under the paths. */
export const interfaces: Row = {
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
        noValue: 'No interface is reported: see "Collectors" in Stack health.',
        width: 8,
        height: 7,
        mappings: [goodOrNot('Link', 'No link')],
        thresholds: steps('red', [1, 'green']),
      },
      [{ expr: ofPaths(sumBy(INTERFACE, from('mptcp_interface_carrier'))), legend: LEGEND }],
    ),
    lines(
      {
        id: 402,
        title: 'All traffic',
        description:
          'Bytes per second of the interfaces, headers and other traffic than MPTCP included. Far above what the path carries: something else fills the link.',
        unit: 'Bps',
        noValue: NO_EXPORTER,
        width: 8,
        height: 7,
      },
      [
        { expr: ofPaths(sumBy(INTERFACE, transmitted('bytes'))), legend: `transmitting: ${LEGEND}` },
        { expr: ofPaths(sumBy(INTERFACE, received('bytes'))), legend: `receiving: ${LEGEND}` },
      ],
    ),
    lines(
      {
        id: 403,
        title: 'Drops and errors',
        description:
          'Packets per second. Drops that grow: the queue or the driver is overrun. Errors that grow: cable or radio.',
        unit: 'pps',
        noValue: NO_EXPORTER,
        width: 8,
        height: 7,
      },
      [
        {
          expr: ofPaths(sumBy(INTERFACE, `${transmitted('drop')} + ${received('drop')}`)),
          legend: `dropped: ${LEGEND}`,
        },
        {
          expr: ofPaths(sumBy(INTERFACE, `${transmitted('errs')} + ${received('errs')}`)),
          legend: `errors: ${LEGEND}`,
        },
      ],
    ),
    lines(
      {
        id: 404,
        title: 'WiFi signal',
        description:
          'Level of the radio signal. Below -75 dBm: move closer, or another channel. Only WiFi interfaces have one.',
        unit: 'dBm',
        noValue: 'No WiFi among these interfaces, or its driver does not tell the signal.',
        width: 8,
        height: 7,
        signed: true,
      },
      [{ expr: ofPaths(newest(INTERFACE, from('mptcp_interface_wifi_signal_dbm'))), legend: LEGEND }],
    ),
    table({
      id: 405,
      title: 'Interfaces',
      description:
        'The interfaces of the chosen paths now. The kernel does not know the speed of WiFi and modems at all times. Carrier changes that grow: a loose cable or weak radio.',
      unit: 'short',
      noValue: NO_EXPORTER,
      width: 16,
      height: 7,
      facts: [],
      labels: { interface: 'Interface', instance: 'Machine' },
      values: [
        {
          title: 'Carrier',
          expr: ofPaths(sumBy(INTERFACE, from('mptcp_interface_carrier'))),
          unit: 'none',
          mappings: [goodOrNot('Link', 'No link')],
        },
        {
          title: 'Carrier changes in this time',
          expr: ofPaths(sumBy(INTERFACE, `increase(${from('mptcp_interface_carrier_changes_total')}[$__range])`)),
          unit: 'short',
        },
        {
          title: 'Link speed',
          expr: ofPaths(sumBy(INTERFACE, from('mptcp_interface_speed_bytes_per_second'))),
          unit: 'Bps',
        },
        {
          title: 'Signal',
          expr: ofPaths(newest(INTERFACE, from('mptcp_interface_wifi_signal_dbm'))),
          unit: 'dBm',
          thresholds: steps('red', [-80, 'orange'], [-70, 'green']),
        },
        { title: 'Transmitting', expr: ofPaths(sumBy(INTERFACE, transmitted('bytes'))), unit: 'Bps' },
        { title: 'Receiving', expr: ofPaths(sumBy(INTERFACE, received('bytes'))), unit: 'Bps' },
      ],
    }),
  ],
};
