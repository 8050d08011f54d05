import type { Recommendation } from '../mptcp/recommendation.ts';
import { recommendationCommands } from '../mptcp/recommendation-command.ts';
import type { Picture } from '../observer/picture.ts';
import type { AggregationValue } from '../probe/round/aggregation.ts';
import type { PageFinding } from './page.ts';

/** What rounds of measurements say: how MPTCP does with each target, then what to do with each path, and how. */
export function findings({ probes, snapshot }: Pick<Picture, 'probes' | 'snapshot'>): readonly PageFinding[] {
  if (probes === undefined) return [];
  const { aggregation, recommendations } = probes.rounds;
  const helps = [...aggregation].map((value) => ({ words: `${aggregationWords(value)}.`, commands: [] }));
  const advice = recommendations.map((one): PageFinding => {
    const path = snapshot.paths.find(({ name }) => name === one.path) ?? { endpointIds: [] };
    const commands = recommendationCommands(one.action, path, snapshot.kernel);
    return { words: `${adviceWords(one, commands === undefined)}.`, commands: commands ?? [] };
  });
  return [...helps, ...advice];
}

function aggregationWords({ direction, target, gain, benefit }: AggregationValue): string {
  const what = `${direction === 'up' ? 'Uploads to' : 'Downloads from'} ${target}`;
  const percent = Math.round(100 * (gain - 1));
  const compared =
    percent === 0
      ? 'as fast as over'
      : percent > 0
        ? `${percent} % faster than over`
        : `${-percent} % slower than over`;
  const of = benefit === undefined ? '' : ` (aggregation benefit ${benefit.toFixed(2)}: 1 is the sum of the paths)`;
  return `${what} are ${compared} the best path alone${of}`;
}

/** Without an endpoint there is nothing that a command could change. */
function adviceWords({ words, action }: Recommendation, lacksEndpoint: boolean): string {
  if (!lacksEndpoint || action !== 'make_backup') return words;
  return `${words}. It has no endpoint: new connections begin on it, so give another path the default route first, and this one an endpoint with the flag backup`;
}
