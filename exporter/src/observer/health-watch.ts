import type { ErrorTally } from '../error-tally.ts';
import { Health } from '../mptcp/health/health.ts';
import type { HealthSettings } from '../mptcp/health/settings.ts';
import {
  type CheckResult,
  type PathHealth,
  type PathState,
  type PathTraffic,
  type ProbeEvidence,
  type Reason,
  type SubflowHealthState,
  wasUsed,
} from '../mptcp/health/states.ts';
import { Histogram } from '../mptcp/histogram.ts';
import type { PathManagerEvent, Snapshot, Subflow } from '../mptcp/model.ts';
import type { CheckCounts, PathChecks } from './path-checks.ts';

/** Upper bounds in seconds of the failover and recovery histograms: from hardly noticed to a call to the provider. */
export const OUTAGE_BUCKETS_SECONDS: readonly number[] = [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300];

/** Judgements stand this long while the kernel cannot be read: a failed look is no news, and must not resolve an alert. */
const STANDS_SECONDS = 30;

/** Events kept for the next look; of a burst, the latest tell most. */
const KEPT_EVENTS = 4096;

/** A path's judgement with what has been summed up of it. */
export interface JudgedPath {
  readonly judgement: PathHealth;
  /** Unix time of the last change, as the wall clock told it then; of the first judgement while there was none. */
  readonly changedAtSeconds: number;
  /** Seconds, with the bounds {@link OUTAGE_BUCKETS_SECONDS}. */
  readonly failovers: Histogram;
  readonly recoveries: Histogram;
}

/** What is known of the health of paths and subflows. */
export interface HealthPicture {
  /** False when nothing could be judged for so long that the states are not known any more. */
  readonly known: boolean;
  readonly paths: ReadonlyMap<string, JudgedPath>;
  /** Paths that were of use and are judged no more: a counter that was exposed stands until the exporter ends. */
  readonly formerPaths: ReadonlyMap<string, JudgedPath>;
  /** Of an open subflow, as last judged; `undefined` for one that has not been. */
  stateOf(subflow: Subflow): SubflowHealthState | undefined;
  /** Checks by path; absent when none are made. */
  readonly checks?: ReadonlyMap<string, CheckCounts>;
}

/** A path that entered another state; `from` is absent at its first judgement. */
export interface PathChange {
  readonly path: string;
  readonly from?: PathState;
  readonly to: PathState;
  readonly reasons: ReadonlySet<Reason>;
}

/** How health is judged, and who makes its checks. */
export interface HealthOptions {
  readonly settings: HealthSettings;
  /** Absent when they cannot be made: then a suspicion only degrades a path. */
  readonly checks?: Pick<PathChecks, 'start' | 'counts'>;
  /** Paths on which probes fail, as it stands now. */
  readonly probes?: () => ReadonlyMap<string, ProbeEvidence>;
  /** Called with every change; for the log. Must not throw. */
  readonly onChange?: (change: PathChange) => void;
}

/** With the state that was last told, since a judgement goes on changing. */
interface KeptPath extends JudgedPath {
  changedAtSeconds: number;
  sinceSeconds: number;
  state: PathState;
}

/** Feeds the health judgement with looks and with what happens between them, and sums up what it gives. */
export class HealthWatch {
  readonly #options: HealthOptions;
  readonly #errors: ErrorTally;
  readonly #health: Health;
  readonly #paths = new Map<string, KeptPath>();
  readonly #formerPaths = new Map<string, KeptPath>();
  #events: PathManagerEvent[] = [];
  #answers: CheckResult[] = [];
  #judgedAt = Number.NEGATIVE_INFINITY;
  #unsettled = false;

  /** `configuredPaths`: names of the paths that the user named. */
  constructor(options: HealthOptions, configuredPaths: Iterable<string>, errors: ErrorTally) {
    this.#options = options;
    this.#errors = errors;
    const { settings, checks } = options;
    this.#health = new Health({
      settings: checks === undefined ? { ...settings, confirm: 'off' } : settings,
      configuredPaths,
    });
  }

  /** Keeps an event for the next look. */
  heed(event: PathManagerEvent): void {
    if (this.#events.length >= KEPT_EVENTS) {
      this.#events.shift();
      this.#errors.count('health', 'overrun');
    }
    this.#events.push(event);
  }

  /** Keeps an answer for the next look; there are at most two a check, and at most one check a path at a time. */
  answer(result: CheckResult): void {
    this.#answers.push(result);
  }

  /**
   * Judges by a look and has the wanted checks made. Gives in how many seconds another look would tell more, if it would. A
   * look whose sockets could not be read changes nothing, and what happened waits for the next.
   */
  observe(snapshot: Snapshot, totals: PathTraffic): number | undefined {
    if (snapshot.sockets.value === undefined) return undefined;
    const [events, checks] = [this.#events, this.#answers];
    this.#events = [];
    this.#answers = [];
    const probes = this.#options.probes?.();
    const report = this.#health.observe({
      snapshot,
      totals,
      events,
      checks,
      ...(probes !== undefined && { probes }),
    });
    this.#judgedAt = snapshot.monotonicSeconds;
    this.#unsettled = report.unsettled;
    for (const [path, judgement] of report.paths) this.#note(path, judgement);
    if (this.#paths.size > report.paths.size) this.#putAside(report.paths);
    for (const { kind, path, seconds } of report.durations) {
      const judged = this.#paths.get(path);
      (kind === 'failover' ? judged?.failovers : judged?.recoveries)?.observe(seconds);
    }
    if (report.checks.length > 0) this.#options.checks?.start(report.checks);
    return report.lookAgainSeconds;
  }

  /** Whether the next look should bring fresh endpoints and counters. */
  get unsettled(): boolean {
    return this.#unsettled;
  }

  /** What is known at this moment of the monotonic clock. */
  picture(nowSeconds: number): HealthPicture {
    const counts = this.#options.checks?.counts;
    return {
      known: nowSeconds - this.#judgedAt <= STANDS_SECONDS,
      paths: this.#paths,
      formerPaths: this.#formerPaths,
      stateOf: ({ key }) => this.#health.stateOf(key),
      ...(counts !== undefined && { checks: counts }),
    };
  }

  #putAside(judged: ReadonlyMap<string, PathHealth>): void {
    for (const [path, kept] of this.#paths) {
      if (judged.has(path)) continue;
      this.#paths.delete(path);
      if (wasUsed(kept.judgement)) this.#formerPaths.set(path, kept);
    }
  }

  #takeBack(path: string): KeptPath | undefined {
    const kept = this.#formerPaths.get(path);
    if (kept === undefined) return undefined;
    this.#formerPaths.delete(path);
    this.#paths.set(path, kept);
    return kept;
  }

  #note(path: string, judgement: PathHealth): void {
    const { state, sinceSeconds, reasons } = judgement;
    const known = this.#paths.get(path) ?? this.#takeBack(path);
    const goesOn = known?.judgement === judgement;
    if (goesOn && known.sinceSeconds === sinceSeconds) return;
    // Once, or each reading of the two clocks would give a slightly different time.
    const changedAtSeconds = Date.now() / 1000 - (performance.now() / 1000 - sinceSeconds);
    if (goesOn) {
      this.#options.onChange?.({ path, from: known.state, to: state, reasons });
      Object.assign(known, { changedAtSeconds, sinceSeconds, state });
      return;
    }
    const [failovers, recoveries] = [new Histogram(OUTAGE_BUCKETS_SECONDS), new Histogram(OUTAGE_BUCKETS_SECONDS)];
    this.#paths.set(path, { judgement, changedAtSeconds, failovers, recoveries, sinceSeconds, state });
    this.#options.onChange?.({ path, to: state, reasons });
  }
}
