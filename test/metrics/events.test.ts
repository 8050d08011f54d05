import { describe, expect, it } from 'vitest';
import { ErrorTally } from '../../exporter/src/error-tally.ts';
import { events } from '../../exporter/src/metrics/collectors/events.ts';
import { parseExposition } from '../../exporter/src/metrics/parse.ts';
import { PATH_MANAGER_EVENTS } from '../../exporter/src/mptcp/model.ts';
import { Observer } from '../../exporter/src/observer.ts';
import { reading } from '../support/scene.ts';

/** What the collector says: the label and value of each sample. */
const said = async (pathManagerEvents?: ReadonlyMap<(typeof PATH_MANAGER_EVENTS)[number], number>) => {
  const observer = new Observer({
    source: { name: 'netlink', kernel: 'upstream', read: async () => reading({}), close: () => undefined },
    rules: [],
    sampleIntervalMs: 1000,
    subflowLimit: 200,
    parts: new Set(),
    errors: new ErrorTally(),
  });
  const picture = { ...(await observer.look()), ...(pathManagerEvents && { pathManagerEvents }) };
  const { text = '' } = events.open()({ picture }).get('mptcp_pm_events_total') ?? {};
  const samples = parseExposition(text).get('mptcp_pm_events_total') ?? [];
  return samples.map(({ labels, value }) => [labels.event, value]);
};

describe('path-manager events', () => {
  it('are all there from the start, so that the first one is an increase', async () => {
    const counted = await said(new Map([['subflow_closed', 3]]));
    expect(counted.map(([event]) => event)).toEqual(PATH_MANAGER_EVENTS);
    expect(counted.filter(([, value]) => value !== 0)).toEqual([['subflow_closed', 3]]);
  });

  it('are absent, not 0, where the kernel does not tell them', async () => {
    expect(await said()).toEqual([]);
  });
});
