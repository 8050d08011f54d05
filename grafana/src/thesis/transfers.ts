import { type GroupedBarsPlan, groupedBars } from '../bars.ts';
import type { Row } from '../frame.ts';
import { measured, newest } from '../promql.ts';
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

/** Of all protocols and targets the slowest; sorted by time, which puts small files first. */
function chart(id: number, title: string, description: string, direction: string): GroupedBarsPlan {
  const duration = measured('mptcp_probe_transfer_duration_seconds', `direction="${direction}"`);
  return { ...CHART, id, title, description, expr: `sort(${namedAsPath(newest(['path', 'size'], duration))})` };
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
  ],
};
