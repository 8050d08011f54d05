import type { BulkSettings, Direction, LatencySettings } from '../config/probes/settings.ts';
import type { Libc } from '../linux/libc.ts';
import type { Run } from '../linux/tool/exec.ts';

/** Why a run brought nothing: a closed set, the `reason` label of `mptcp_probe_failures_total`. Grow it, do not rename. */
export const FAILURE_REASONS = [
  'timeout', // nothing, or not all, came within the time allowed; it was killed
  'refused', // the target answered with a reset, an ICMP port unreachable or its program's refusal
  'unreachable', // no way there from here, or a router on the way said so
  'unresolvable', // the name has no address of a family that the path has
  'no_interface', // the path has no interface now, or it has no carrier
  'no_address', // its interface has no address of the target's family
  'wrong_answer', // what came is not the answer to what was asked
  'stalled', // data stopped moving in the middle
  'broken', // the connection ended in the middle
  'busy', // the server serves another measurement
  'unauthorised', // the server wants a token or a login, or another one
  'fell_back', // it was to be MPTCP, but some middlebox or the server made it plain TCP
  'budget_exhausted', // the path's budget does not allow it
  'budget_unavailable', // its account cannot be kept: the state file is in use by another exporter, or cannot be written
  'overloaded', // too many runs were under way already, or the one before still was
  'tool_missing', // the program is not installed
  'tool_failed', // the program ended with an error, or said what we do not understand
  'permission_denied', // the kernel does not let us
  'not_supported', // this machine cannot: no koffi, no MPTCP
  'internal', // a bug of ours
] as const;

/** One of {@link FAILURE_REASONS}. */
export type FailureReason = (typeof FAILURE_REASONS)[number];

/** A run that brought nothing. */
export interface ProbeFailure {
  readonly ok: false;
  readonly reason: FailureReason;
  /** One line for the log, without a final stop. */
  readonly message: string;
}

/** What a run brought. It resolves to a failure rather than rejecting; what it throws all the same becomes one. */
export type ProbeResult<Value> = { readonly ok: true; readonly value: Value } | ProbeFailure;

/** A failure in few words. */
export function failed(reason: FailureReason, message: string): ProbeFailure {
  return { ok: false, reason, message };
}

/**
 * Counts what a run puts on a path, headers down to IP included as far as they are known. Apart from the result, because a
 * run that fails or is killed has cost its bytes too: count each piece when it is sent or received.
 */
export interface ByteMeter {
  /** `path` only for legs over MPTCP, whose bytes go over several. */
  sent(bytes: number, path?: string): void;
  received(bytes: number, path?: string): void;
  /** Bytes that may still be moved; infinite without a budget. A run that has used it up is aborted. */
  readonly remaining: number;
}

/** What every run is given. */
export interface ProbeRun<Settings> {
  readonly settings: Settings;
  /** The path it is for; `mptcp` when it is to use all. */
  readonly path: string;
  /** The path's interface at this moment, to be bound to (SO_BINDTODEVICE); absent over MPTCP alone. */
  readonly interfaceName?: string;
  /** The interface's address of the target's family; absent over MPTCP, and for what the kernel should choose. */
  readonly localAddress?: string;
  /** The target's address, resolved; without brackets. */
  readonly address: string;
  readonly timeoutSeconds: number;
  /** Aborted when the timeout is over, the budget is used up or the exporter stops: leave nothing behind, soon. */
  readonly signal: AbortSignal;
  readonly meter: ByteMeter;
  /** For sockets of {@link openStream} and the like. Rejects with `ffi_unavailable` where it cannot be loaded. */
  readonly libc: () => Promise<Libc>;
  /** Runs a program; bounded. */
  readonly run: Run;
}

/** One question and its answer. */
export interface Latency {
  readonly rttSeconds: number;
}

/** Asks once and says how long the answer took. */
export interface LatencyProbe {
  readonly kind: 'latency';
  /** Most bytes that a run moves, to check a budget by. */
  mostBytes(settings: LatencySettings): number;
  run(run: ProbeRun<LatencySettings>): Promise<ProbeResult<Latency>>;
}

/** A part of a round: one direction, for transfers one size. */
export interface Leg {
  readonly direction: Direction;
  /** Of the file; absent for throughput. */
  readonly sizeBytes?: number;
}

/** What one leg brought. */
export interface Measurement {
  /** Payload moved. */
  readonly bytes: number;
  /** That it took. */
  readonly seconds: number;
  /** RTTs of small questions while the data flowed (bufferbloat); empty where they cannot be asked. */
  readonly loadedRttSeconds: readonly number[];
}

/** A leg that is to be run. */
export interface LegRun extends ProbeRun<BulkSettings> {
  readonly leg: Leg;
  /** The path that an address of this machine belongs to: whose bytes they are, over MPTCP. */
  readonly pathOf: (localAddress: string) => string | undefined;
}

/** Moves data in legs; the round runner decides which, on which paths, one after the other, with lock and budget. */
export interface BulkProbe {
  readonly kind: 'bulk';
  /** The legs of one path (or of MPTCP) in their order. */
  legs(settings: BulkSettings): readonly Leg[];
  /** Least bytes that a leg needs to be worth beginning, and the most it moves, headers included, to check a budget by. */
  cost(settings: BulkSettings, leg: Leg): { readonly leastBytes: number; readonly mostBytes: number };
  run(run: LegRun): Promise<ProbeResult<Measurement>>;
}

/** A kind of probe: what `list.ts` holds. */
export type Probe = LatencyProbe | BulkProbe;

/** Where a path is at this moment, as far as the observer knows. */
export interface PathPlace {
  readonly path: string;
  /** Absent when the path has none now. */
  readonly interfaceName?: string;
  /** Global addresses of the interface that are the path's, in canonical form. */
  readonly addresses: readonly string[];
  readonly metered: boolean;
}

/** Runs the rounds of bulk probes; made once, shared by all schedules. */
export interface RoundRunner {
  /**
   * One round of one bulk probe: every leg on each path alone, then over MPTCP, one at a time over the whole exporter. Resolves
   * when it has ended, whatever it brought; never rejects. Ends soon when the signal is aborted.
   */
  round(settings: BulkSettings, probe: BulkProbe, signal: AbortSignal): Promise<void>;
}
