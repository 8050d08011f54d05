import type { FailureReason } from '../../probe/probe.ts';
import { collector } from '../collector.ts';
import { counter, gauge, histogram } from '../family.ts';

const PROBE = ['probe', 'path', 'target'] as const;

/** Failures that are counted from 0 on, so that the first of them is an increase; the others appear when they happen. */
const USUAL: readonly FailureReason[] = ['timeout', 'refused', 'unreachable'];

/** What the configured probes bring, path by path (docs/probes.md). */
export const probes = collector(
  'probes',
  [],
  {
    success: gauge('mptcp_probe_success', '1 when the latest run of the probe succeeded, else 0.', PROBE),
    lastSuccess: gauge(
      'mptcp_probe_last_success_timestamp_seconds',
      'When the probe last succeeded; absent until it has.',
      PROBE,
    ),
    measured: gauge(
      'mptcp_probe_measured_timestamp_seconds',
      'When the values that stand were measured; absent until there are any.',
      PROBE,
    ),
    requests: counter('mptcp_probe_requests_total', 'Runs of the probe since the exporter started.', PROBE),
    replies: counter('mptcp_probe_replies_total', 'Runs of the probe that succeeded.', PROBE),
    failures: counter('mptcp_probe_failures_total', 'Runs of the probe that brought nothing, by the reason why.', [
      ...PROBE,
      'reason',
    ]),
    rtt: histogram(
      'mptcp_probe_rtt_seconds',
      'Round trip times by ping, by the kernel (tcp) or by the reflector, one for each run that succeeded.',
      PROBE,
    ),
    jitter: gauge(
      'mptcp_probe_jitter_seconds',
      'Smoothed difference between one round trip time and the next (RFC 3550); absent until there are two.',
      PROBE,
    ),
    sent: counter(
      'mptcp_probe_sent_bytes_total',
      'Bytes that probes have sent over the path since the exporter started, IP headers included.',
      ['path'],
    ),
    received: counter(
      'mptcp_probe_received_bytes_total',
      'Bytes that probes have received over the path since the exporter started, IP headers included.',
      ['path'],
    ),
  },
  ({ picture }, emit) => {
    if (picture.probes === undefined) return;
    const { results, account } = picture.probes;
    for (const series of results.series) {
      const { probe, path, target } = series;
      const labels = { probe, path, target };
      emit.success(labels, Number(series.success));
      emit.lastSuccess(labels, series.lastSuccessAt);
      emit.measured(labels, series.measuredAt);
      emit.requests(labels, series.requests);
      emit.replies(labels, series.replies);
      for (const reason of USUAL) emit.failures({ ...labels, reason }, series.failures.get(reason) ?? 0);
      for (const [reason, count] of series.failures) {
        if (!USUAL.includes(reason)) emit.failures({ ...labels, reason }, count);
      }
      emit.rtt.buckets(labels, series.rtt);
      emit.jitter(labels, series.jitterSeconds);
    }
    for (const [path, { sentBytes, receivedBytes }] of account.spent) {
      emit.sent({ path }, sentBytes);
      emit.received({ path }, receivedBytes);
    }
  },
);
