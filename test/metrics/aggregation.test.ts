import { describe, expect, it } from 'vitest';
import { aggregation } from '../../exporter/src/metrics/collectors/aggregation.ts';
import type { Picture, ProbePicture } from '../../exporter/src/observer/picture.ts';
import { printedBy } from '../support/collected.ts';
import { bulkSettings, MBIT, place, rates, roundsOver } from '../support/rounds.ts';
import { reading, snapshot } from '../support/scene.ts';

/** Each sample as `family{label values} value`, rounded. */
function said(probes?: ProbePicture): string[] {
  const paths = [{ name: 'lte', addresses: [], endpointIds: [] }];
  // What the collector looks at, of a whole picture.
  const picture = { snapshot: { ...snapshot(reading({})), paths }, ...(probes && { probes }) } as unknown as Picture;
  return printedBy(aggregation, picture, 'mptcp_', 3);
}

describe('the metrics of rounds', () => {
  it('are absent without probes, and before the first round', () => {
    const { results: rounds, account } = roundsOver([]);
    expect(said()).toEqual([]);
    expect(said({ results: { series: [] }, account, rounds })).toEqual([]);
  });

  it('have each path, MPTCP, the benefit, the use of the paths, and what is recommended', async () => {
    const { run, results: rounds, account } = roundsOver([place('eth', 1), place('lte', 2)]);
    const settings = bulkSettings({ directions: ['up'] });
    await run(settings, rates({ eth: 80, lte: 20, mptcp: 90 }, { eth: 80, lte: 10 }));
    await run(settings, rates({ eth: 80, lte: 20, mptcp: 40 }, { eth: 39, lte: 1 }));
    const values = said({ results: { series: [] }, account, rounds });
    expect(values).toEqual([
      `probe_throughput_bytes_per_second{eth,up,vps} ${80 * MBIT}`,
      `probe_throughput_bytes_per_second{lte,up,vps} ${20 * MBIT}`,
      `probe_throughput_bytes_per_second{mptcp,up,vps} ${40 * MBIT}`,
      'aggregation_benefit_ratio{up,vps} -0.5',
      'aggregation_gain_ratio{up,vps} 0.5',
      'path_utilisation_ratio{eth,up} 0.487',
      'path_utilisation_ratio{lte,up} 0.05',
      'recommendation_info{eth,none,little_difference} 1',
      'recommendation_info{lte,none,unconfirmed} 1',
    ]);
  });

  it('have what is left of the budgets, by period', () => {
    const { results: rounds, account } = roundsOver([]);
    const budget = { left: () => ({ day: 5 }) };
    expect(said({ results: { series: [] }, account, rounds, budget })).toEqual([
      'probe_budget_remaining_bytes{lte,day} 5',
    ]);
  });
});
