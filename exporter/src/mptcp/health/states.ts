import { SUBFLOW_STATES } from '../activity.ts';
import type { PathManagerEvent, Snapshot, SocketAddress } from '../model.ts';

/** What an open subflow is doing, judged over time: those of one look, and `stalled` and `silent`. */
export const SUBFLOW_HEALTH_STATES = [...SUBFLOW_STATES, 'stalled', 'silent'] as const;

/** One of {@link SUBFLOW_HEALTH_STATES}. */
export type SubflowHealthState = (typeof SUBFLOW_HEALTH_STATES)[number];

/** How a path is; exactly one at a time. */
export const PATH_STATES = ['up', 'degraded', 'stalled', 'down', 'missing', 'unused'] as const;

/** One of {@link PATH_STATES}. */
export type PathState = (typeof PATH_STATES)[number];

/** Why a path is not healthy: a closed set. */
export const REASONS = [
  'carrier_lost',
  'interface_gone',
  'address_changed',
  'no_acknowledgements',
  'no_data_arriving',
  'probe_failing',
  'reset_by_peer',
  'join_rejected',
  'join_unanswered',
  'endpoint_removed',
  'high_loss',
  'high_rtt',
  'fallback',
] as const;

/** One of {@link REASONS}. */
export type Reason = (typeof REASONS)[number];

/** A path as it is judged now. */
export interface PathHealth {
  readonly state: PathState;
  /** Empty when the path is `up` or `unused`. */
  readonly reasons: ReadonlySet<Reason>;
  /** Monotonic clock at the look that brought this state. */
  readonly sinceSeconds: number;
  /** Entries into each state since the path was first judged, that first judgement not counted. */
  readonly changes: Readonly<Record<PathState, number>>;
  /** Open subflows by state. */
  readonly subflows: Readonly<Record<SubflowHealthState, number>>;
}

/** Whether a path has ever been of use to MPTCP. */
export function wasUsed({ state, changes }: Pick<PathHealth, 'state' | 'changes'>): boolean {
  return state !== 'unused' || changes.unused > 0;
}

/**
 * A TCP connect that would tell whether a path is alive: to `peer`, from `localAddress`, bound to `interfaceName`. SYN-ACK or
 * RST is an answer. Whoever makes it reports `alive: false` when none has come within `verdictSeconds`, keeps the same
 * connect waiting until `timeoutSeconds` (the kernel repeats the SYN meanwhile, which finds a link that comes back) and reports
 * `alive: true` whenever the answer comes. A connect that could not be made is no answer: report nothing.
 */
export interface CheckRequest {
  readonly path: string;
  readonly interfaceName: string;
  readonly localAddress: string;
  readonly peer: SocketAddress;
  readonly verdictSeconds: number;
  readonly timeoutSeconds: number;
}

/** What a {@link CheckRequest} brought, and when by the monotonic clock. */
export interface CheckResult {
  readonly path: string;
  readonly alive: boolean;
  readonly monotonicSeconds: number;
}

/**
 * `failover`: from the start of a fault to the moment a connection hit by it moves on another path (0 when it never stopped),
 * one per connection. `recovery`: from the fault's end, as far as that shows, to this path moving data again.
 */
export interface ObservedDuration {
  readonly kind: 'failover' | 'recovery';
  readonly path: string;
  readonly seconds: number;
}

/** What the paths have carried so far, by name; the ledger's totals fit. */
export type PathTraffic = ReadonlyMap<string, { readonly sentBytes?: number; readonly retransmittedBytes?: number }>;

/** Configured probes fail on a path while their targets answer on others. Times are by the monotonic clock. */
export interface ProbeEvidence {
  /** When the first of the failing runs began. */
  readonly failingSinceSeconds: number;
  /** When the latest of them began. */
  readonly lastFailedSeconds: number;
}

/** One look, and what happened since the one before. */
export interface HealthInput {
  readonly snapshot: Snapshot;
  readonly totals: PathTraffic;
  readonly events?: readonly PathManagerEvent[];
  readonly checks?: readonly CheckResult[];
  /** Paths on which probes fail, as it stands now. */
  readonly probes?: ReadonlyMap<string, ProbeEvidence>;
}

/** What a look brought. */
export interface HealthReport {
  /** State of each subflow by its index in the snapshot; empty when the sockets could not be read. */
  readonly subflows: readonly SubflowHealthState[];
  /** Paths that are judged. One that comes back after it was judged no more is the same object, and its changes go on. */
  readonly paths: ReadonlyMap<string, PathHealth>;
  /** Checks to make now: at most one a path and check interval. */
  readonly checks: readonly CheckRequest[];
  readonly durations: readonly ObservedDuration[];
  /** Young connections lack subflows: whether they ought to have them takes fresh endpoints and counters to tell. */
  readonly unsettled: boolean;
  /** A suspicion ripens in so many seconds: a look then decides it sooner than the next regular one. */
  readonly lookAgainSeconds?: number;
}
