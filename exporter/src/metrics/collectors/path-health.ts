import { PATH_STATES, type PathState, REASONS, wasUsed } from '../../mptcp/health/states.ts';
import { collector } from '../collector.ts';
import { counter, gauge, histogram } from '../family.ts';

/** States in which nothing gets through. */
const DEAD: ReadonlySet<PathState> = new Set(['down', 'stalled', 'missing']);

/** What a check can come to. */
const CHECK_RESULTS = ['alive', 'dead', 'failed'] as const;

const NEVER_CHECKED = { alive: 0, dead: 0, failed: 0 } as const;

/** How each path is, since when and why (docs/health.md). */
export const pathHealth = collector(
  'health',
  ['sockets', 'interfaces', 'endpoints', 'mib', 'sysctl'],
  {
    up: gauge('mptcp_path_up', '0 while the path is down, stalled or missing, else 1, judged by the exporter.', [
      'path',
    ]),
    state: gauge('mptcp_path_state', '1 for the state the path is in, judged by the exporter (docs/health.md).', [
      'path',
      'state',
    ]),
    reason: gauge(
      'mptcp_path_state_reason',
      '1 for each reason why the path is not well, judged by the exporter; absent for a path that was never used.',
      ['path', 'reason'],
    ),
    changedAt: gauge(
      'mptcp_path_last_change_timestamp_seconds',
      'When the path entered its state, by the wall clock of then; the start of the exporter when it has not changed since.',
      ['path'],
    ),
    changes: counter('mptcp_path_state_changes_total', 'Entries into each state since the exporter started.', [
      'path',
      'state',
    ]),
    failovers: histogram(
      'mptcp_path_failover_duration_seconds',
      'From the start of a fault on the path to a connection it hit moving data on another path, one observation per connection.',
      ['path'],
    ),
    recoveries: histogram(
      'mptcp_path_recovery_duration_seconds',
      'From the end of a fault, as far as that shows, to the path moving data again.',
      ['path'],
    ),
    checks: counter(
      'mptcp_path_checks_total',
      "TCP connects to a connection's own peer that asked whether the path is alive: answered, unanswered, or not to be made.",
      ['path', 'result'],
    ),
  },
  ({ picture: { health } }, emit) => {
    const { known, paths, formerPaths, checks } = health;
    for (const [path, { judgement, changedAtSeconds }] of known ? paths : []) {
      const { state, reasons } = judgement;
      emit.up({ path }, DEAD.has(state) ? 0 : 1);
      for (const one of PATH_STATES) emit.state({ path, state: one }, one === state ? 1 : 0);
      emit.changedAt({ path }, changedAtSeconds);
      if (!wasUsed(judgement)) continue;
      // All of them, so that avg_over_time() is the part of the time a reason stood, and dashboards have steady series.
      for (const reason of REASONS) emit.reason({ path, reason }, reasons.has(reason) ? 1 : 0);
    }
    for (const [path, { judgement, failovers, recoveries }] of [...paths, ...formerPaths]) {
      for (const state of PATH_STATES) emit.changes({ path, state }, judgement.changes[state]);
      // A host may have hundreds of interfaces that MPTCP never uses: the larger families wait for the first use.
      if (!wasUsed(judgement)) continue;
      emit.failovers.buckets({ path }, failovers);
      emit.recoveries.buckets({ path }, recoveries);
      if (checks === undefined) continue;
      const counts = checks.get(path) ?? NEVER_CHECKED;
      for (const result of CHECK_RESULTS) emit.checks({ path, result }, counts[result]);
    }
  },
);
