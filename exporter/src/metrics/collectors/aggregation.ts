import { collector } from '../collector.ts';
import { gauge } from '../family.ts';

/** What rounds of measurements bring: how fast each path is, and whether MPTCP helps (docs/probes.md). */
export const aggregation = collector(
  'aggregation',
  [],
  {
    throughput: gauge(
      'mptcp_probe_throughput_bytes_per_second',
      'Payload per second at the receiver in the last successful measurement, over the path alone by plain TCP, or over all by MPTCP (path="mptcp").',
      ['path', 'direction', 'target'],
    ),
    loadedRtt: gauge(
      'mptcp_probe_loaded_rtt_seconds',
      'Median round trip time of small questions while the throughput was measured; far above the idle one: bufferbloat.',
      ['path', 'direction', 'target'],
    ),
    transfer: gauge(
      'mptcp_probe_transfer_duration_seconds',
      'How long the last successful transfer of a file of this size in bytes took, over the path alone, or over all by MPTCP (path="mptcp").',
      ['path', 'direction', 'protocol', 'size', 'target'],
    ),
    transferGain: gauge(
      'mptcp_probe_transfer_gain_ratio',
      'How many times as fast as over the best path alone the file was transferred over MPTCP, in the latest round; below 1 MPTCP is slower.',
      ['direction', 'protocol', 'size', 'target'],
    ),
    benefit: gauge(
      'mptcp_aggregation_benefit_ratio',
      'What MPTCP makes of the paths, from the measurements of the latest round: 1 the sum of all, 0 the best alone, below 0 MPTCP does harm.',
      ['direction', 'target'],
    ),
    gain: gauge(
      'mptcp_aggregation_gain_ratio',
      'Throughput over MPTCP by that over the best path alone, from the measurements of the latest round.',
      ['direction', 'target'],
    ),
    utilisation: gauge(
      'mptcp_path_utilisation_ratio',
      'Share of what the path carries alone that it carried in the last measurement over MPTCP; 1 is fully used.',
      ['path', 'direction'],
    ),
    recommendation: gauge(
      'mptcp_recommendation_info',
      '1 while it stands: what to do with the path (make_backup, use_for_aggregation, none) and why, by rounds that agree. The exporter never does it.',
      ['path', 'action', 'reason'],
    ),
    budget: gauge(
      'mptcp_probe_budget_remaining_bytes',
      'Bytes that probes may still move on the path this day or month, by local time; absent where there is no budget or its account cannot be kept.',
      ['path', 'period'],
    ),
  },
  ({ picture: { probes, snapshot } }, emit) => {
    if (probes === undefined) return;
    const { rounds, budget } = probes;
    for (const { bytesPerSecond, loadedRttSeconds, ...labels } of rounds.throughput) {
      emit.throughput(labels, bytesPerSecond);
      emit.loadedRtt(labels, loadedRttSeconds);
    }
    for (const { seconds, ...labels } of rounds.transfers) emit.transfer(labels, seconds);
    for (const { gain, ...labels } of rounds.transferGains) emit.transferGain(labels, gain);
    for (const { benefit, gain, ...labels } of rounds.aggregation) {
      emit.benefit(labels, benefit);
      emit.gain(labels, gain);
    }
    for (const { ratio, ...labels } of rounds.utilisation) emit.utilisation(labels, ratio);
    for (const { path, action, reason } of rounds.recommendations) emit.recommendation({ path, action, reason }, 1);
    for (const { name: path } of snapshot.paths) {
      const { day, month } = budget?.left(path) ?? {};
      emit.budget({ path, period: 'day' }, day);
      emit.budget({ path, period: 'month' }, month);
    }
  },
);
