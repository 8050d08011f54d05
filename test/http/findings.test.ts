import { describe, expect, it } from 'vitest';
import { findings } from '../../exporter/src/http/findings.ts';
import type { Recommendation } from '../../exporter/src/mptcp/recommendation.ts';
import type { ProbePicture } from '../../exporter/src/observer/picture.ts';
import type { AggregationValue } from '../../exporter/src/probe/round/aggregation.ts';
import { reading, snapshot } from '../support/scene.ts';

function found(
  aggregation: readonly AggregationValue[],
  recommendations: readonly Recommendation[],
  endpointIds = [3],
) {
  const rounds = { throughput: [], transfers: [], transferGains: [], utilisation: [], aggregation, recommendations };
  const probes: ProbePicture = { results: { series: [] }, account: { spent: new Map() }, rounds };
  const look = { ...snapshot(reading({})), paths: [{ name: 'lte', addresses: [], endpointIds }] };
  return findings({ probes, snapshot: look });
}

describe('what the page says of MPTCP', () => {
  it('is nothing without measurements', () => {
    expect(findings({ snapshot: snapshot(reading({})) })).toEqual([]);
  });

  it.each([
    [
      { direction: 'up', gain: 1.83, benefit: 0.973 },
      'Uploads to vps are 83 % faster than over the best path alone (aggregation benefit 0.97: 1 is the sum of the paths).',
    ],
    [
      { direction: 'down', gain: 0.88, benefit: -0.12 },
      'Downloads from vps are 12 % slower than over the best path alone (aggregation benefit -0.12: 1 is the sum of the paths).',
    ],
    [{ direction: 'down', gain: 1.001 }, 'Downloads from vps are as fast as over the best path alone.'],
  ] as const)('is how it compares: %j', (value, words) => {
    expect(found([{ target: 'vps', ...value }], [])).toEqual([{ words, commands: [] }]);
  });

  it('is what to do with a path, with the command that does it', () => {
    const words = 'lte: make it a backup endpoint, uploads lose 12 % with it';
    const recommendation = { path: 'lte', action: 'make_backup', reason: 'uploads_lose', words } as const;
    expect(found([], [recommendation])).toEqual([
      { words: `${words}.`, commands: ['ip mptcp endpoint change id 3 backup'] },
    ]);
    expect(found([], [recommendation], [])[0]).toEqual({
      words: expect.stringContaining(`${words}. It has no endpoint`),
      commands: [],
    });
  });
});
