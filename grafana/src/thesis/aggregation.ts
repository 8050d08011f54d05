import { bars } from '../bars.ts';
import { lines } from '../charts.ts';
import type { Row } from '../frame.ts';
import { stat, steps } from '../panels.ts';
import { from, measured, newest, onPath } from '../promql.ts';
import { MEASURED_TOGETHER, NO_MEASUREMENT, PATH_LEGEND } from '../words.ts';

const STAT = { width: 6, height: 5, unit: 'percentunit', noValue: NO_MEASUREMENT } as const;
const BARS = { width: 12, height: 8, noValue: NO_MEASUREMENT, colours: MEASURED_TOGETHER } as const;
const BENEFIT =
  '100 %: as fast as all paths together. 0 %: as the best path alone. Below: slower than that, so take the worst path out (make its endpoint a backup).';

const benefit = (direction: string) => ({
  expr: newest([], from('mptcp_aggregation_benefit_ratio', `direction="${direction}"`)),
  legend: '{{instance}}',
});
const gain = (direction: string) => ({
  expr: newest([], from('mptcp_aggregation_gain_ratio', `direction="${direction}"`)),
  legend: '{{instance}}',
});
const throughput = (direction: string) => ({
  expr: newest(['path'], measured('mptcp_probe_throughput_bytes_per_second', `direction="${direction}"`)),
  legend: PATH_LEGEND,
});
const utilisation = (direction: string) => ({
  expr: newest(['path'], onPath('mptcp_path_utilisation_ratio', `direction="${direction}"`)),
  legend: PATH_LEGEND,
});

/** MPTCP against single paths. */
export const aggregation: Row = {
  id: 1,
  title: 'MPTCP against each path alone',
  panels: [
    stat(
      {
        ...STAT,
        id: 101,
        title: 'Benefit, download',
        description: `What MPTCP makes of the paths when receiving. ${BENEFIT}`,
        thresholds: steps('red', [0, 'orange'], [0.3, 'green']),
      },
      benefit('down'),
    ),
    stat(
      {
        ...STAT,
        id: 102,
        title: 'Benefit, upload',
        description: `What MPTCP makes of the paths when sending. ${BENEFIT}`,
        thresholds: steps('red', [0, 'orange'], [0.3, 'green']),
      },
      benefit('up'),
    ),
    stat(
      {
        ...STAT,
        id: 103,
        title: 'Of the best path, download',
        description:
          'Throughput of MPTCP by that of the best path alone when receiving: 150 % is half as much again, below 100 % MPTCP does harm.',
        thresholds: steps('red', [1, 'green']),
      },
      gain('down'),
    ),
    stat(
      {
        ...STAT,
        id: 104,
        title: 'Of the best path, upload',
        description:
          'Throughput of MPTCP by that of the best path alone when sending: 150 % is half as much again, below 100 % MPTCP does harm.',
        thresholds: steps('red', [1, 'green']),
      },
      gain('up'),
    ),
    bars(
      {
        ...BARS,
        id: 105,
        title: 'Throughput, download',
        description: 'Last measurements: each path alone as plain TCP, and MPTCP over all (mptcp). 1 MB/s is 8 Mbit/s.',
        unit: 'Bps',
      },
      throughput('down'),
    ),
    bars(
      {
        ...BARS,
        id: 106,
        title: 'Throughput, upload',
        description: 'Last measurements: each path alone as plain TCP, and MPTCP over all (mptcp). 1 MB/s is 8 Mbit/s.',
        unit: 'Bps',
      },
      throughput('up'),
    ),
    bars(
      {
        ...BARS,
        id: 107,
        title: 'Utilisation of the paths, download',
        description:
          'How much of what each path carries alone it carried while MPTCP was measured: at 100 % it is fully used. Far below: the scheduler of the sending end, or its windows, hold it back.',
        unit: 'percentunit',
      },
      utilisation('down'),
    ),
    bars(
      {
        ...BARS,
        id: 108,
        title: 'Utilisation of the paths, upload',
        description:
          'How much of what each path carries alone it carried while MPTCP was measured: at 100 % it is fully used. Far below: the scheduler of this end, or its windows, hold it back.',
        unit: 'percentunit',
      },
      utilisation('up'),
    ),
    lines(
      {
        id: 109,
        title: 'Benefit over time',
        description:
          'The benefit as it was measured, by direction and target. A step: something changed then; the marks tell schedulers, path managers and endpoints.',
        unit: 'percentunit',
        noValue: NO_MEASUREMENT,
        width: 24,
        height: 8,
        signed: true,
      },
      [
        {
          expr: newest(['direction', 'target'], from('mptcp_aggregation_benefit_ratio')),
          legend: '{{direction}} {{target}} ({{instance}})',
        },
      ],
    ),
  ],
};
