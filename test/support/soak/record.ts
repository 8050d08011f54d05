import type { FaultName } from '../../lab/faults/faults.ts';

/**
 * What the connections of a block do: as much as goes in one direction or both, a slow stream that needs one path only, or
 * nothing at all once they are open.
 */
export const LOADS = ['upload', 'download', 'both', 'slow', 'idle'] as const;

/** One of {@link LOADS}. */
export type Load = (typeof LOADS)[number];

/** A fault as the lab knows it; all times in seconds of one monotonic clock. */
export interface FaultEntry {
  readonly name: FaultName;
  /** Undefined when it concerns the whole lab. */
  readonly link: string | undefined;
  /** Began to be applied, and had taken effect. */
  readonly startedAt: number;
  readonly appliedAt: number;
  /** Began to be put back, and was. */
  readonly endingAt: number;
  readonly endedAt: number;
  /** What the connections did meanwhile. */
  readonly load: Load;
  /** Data moved on the path until the fault came. */
  readonly moving: boolean;
  /** The path had been checked less than the check interval before, so that its death could not be asked about at once. */
  readonly checkedLately: boolean;
  /** No other fault began before it ended. */
  readonly alone: boolean;
}

/** Connections over all links; between two such entries a path may be unused. */
export interface TrafficEntry {
  readonly openedAt: number;
  readonly endingAt: number;
}

/** A moment at which the exporter, or this very process, had waited so long for a processor that others had. */
export interface Lateness {
  readonly at: number;
  readonly seconds: number;
}

/** The lab's own record of what was done to it. */
export interface LabRecord {
  readonly links: readonly string[];
  readonly traffic: readonly TrafficEntry[];
  readonly faults: readonly FaultEntry[];
  /** In the order of its time. */
  readonly late: readonly Lateness[];
}
