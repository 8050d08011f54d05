import { type GroupedBarsPlan, groupedBars } from '../bars.ts';
import type { Row } from '../frame.ts';
import { steps } from '../panels.ts';
import { from, measured, newest } from '../promql.ts';
import { table } from '../tables.ts';
import { MEASURED_TOGETHER, NO_MEASUREMENT, namedAsPath } from '../words.ts';

const CHART = {
  width: 12,
  height: 9,
  unit: 's',
  noValue: NO_MEASUREMENT,
  colours: MEASURED_TOGETHER,
  group: 'size',
  bar: 'series',
} as const;

/** The label `size`, which is in bytes, in the unit that people name files' sizes in. */
function readable(expression: string): string {
  const thousands = `label_replace(${expression}, "size", "$1 kB", "size", "([0-9]+)000")`;
  const millions = `label_replace(${thousands}, "size", "$1 MB", "size", "([0-9]+)000 kB")`;
  return `label_replace(${millions}, "size", "$1 B", "size", "([0-9]+)")`;
}

/** Of all protocols and targets the slowest; sorted by time, which puts small files first. */
function chart(id: number, title: string, description: string, direction: string): GroupedBarsPlan {
  const duration = measured('mptcp_probe_transfer_duration_seconds', `direction="${direction}"`);
  return {
    ...CHART,
    id,
    title,
    description,
    expr: `sort(${namedAsPath(readable(newest(['path', 'size'], duration)))})`,
  };
}

/** How long files take. */
export const transfers: Row = {
  id: 3,
  title: 'Transfer time by size and path',
  panels: [
    groupedBars(
      chart(
        301,
        'Download',
        'Seconds that a file of each size took over each path alone and over MPTCP (mptcp). Small files gain nothing from more paths: they are over before the others have joined.',
        'down',
      ),
    ),
    groupedBars(
      chart(
        302,
        'Upload',
        'Seconds that a file of each size took over each path alone and over MPTCP (mptcp). Small files gain nothing from more paths: they are over before the others have joined.',
        'up',
      ),
    ),
    table({
      id: 303,
      title: 'Transfers over MPTCP, by the best path',
      description:
        'How many times as fast as over the best path alone each file went over MPTCP, in the latest round: 150 % is half as much again, below 100 % MPTCP is slower.',
      unit: 'percentunit',
      noValue: NO_MEASUREMENT,
      width: 24,
      height: 8,
      facts: [],
      labels: {
        size: 'Size in bytes',
        direction: 'Direction',
        protocol: 'Protocol',
        target: 'Target',
        instance: 'Machine',
      },
      values: [
        {
          title: 'Of the best path',
          expr: newest(['size', 'direction', 'protocol', 'target'], from('mptcp_probe_transfer_gain_ratio')),
          unit: 'percentunit',
          thresholds: steps('red', [1, 'green']),
        },
      ],
    }),
  ],
};
