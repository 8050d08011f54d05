/** Thresholds of the health judgements; each has its default in {@link DEFAULT_HEALTH_SETTINGS}. */
export interface HealthSettings {
  /** Whether a suspicion may be confirmed by one small TCP connect; `off`: it only makes the path `degraded`. */
  readonly confirm: 'connect' | 'off';
  /** At most one check a path in this time. */
  readonly checkIntervalSeconds: number;
  /** Data outstanding without an acknowledgement for longer than this, and than 2 RTO, is a stall. */
  readonly stalledSeconds: number;
  /** Nothing arriving for longer than this, and than 4 RTT, while the connection receives elsewhere, is a silence. */
  readonly silentSeconds: number;
  /** A connection that has been seen for this long ought to have its subflows. */
  readonly missingSeconds: number;
  /** Retransmitted part of the sent bytes that is high, unless the path's normal is above a third of it. */
  readonly highLossRatio: number;
  /** An RTT is high from so many times its normal … */
  readonly highRttFactor: number;
  /** … when it is also above it by this much. */
  readonly highRttMarginSeconds: number;
  /** Loss or RTT must be high for this long. */
  readonly degradedSeconds: number;
  /** Loss and RTT must be well below the threshold for this long. */
  readonly recoveredSeconds: number;
}

/** What holds without configuration. */
export const DEFAULT_HEALTH_SETTINGS: HealthSettings = {
  confirm: 'connect',
  checkIntervalSeconds: 5,
  stalledSeconds: 1,
  silentSeconds: 1,
  missingSeconds: 3,
  highLossRatio: 0.05,
  highRttFactor: 3,
  highRttMarginSeconds: 0.25,
  degradedSeconds: 3,
  recoveredSeconds: 5,
};
