import type { Path } from '../model.ts';
import { Checks } from './checks.ts';
import { ClearedStall, type PathStall } from './cleared-stall.ts';
import { Hysteresis } from './hysteresis.ts';
import { type Interfaces, Link } from './links.ts';
import { LossWatch, type Sending, type Stall } from './loss-watch.ts';
import { probesTell } from './probe-verdict.ts';
import { RttWatch } from './rtt-watch.ts';
import type { HealthSettings } from './settings.ts';
import {
  type CheckRequest,
  PATH_STATES,
  type PathHealth,
  type PathState,
  type PathTraffic,
  type ProbeEvidence,
  type Reason,
  SUBFLOW_HEALTH_STATES,
  type SubflowHealthState,
} from './states.ts';
import { CLOCK_SLACK_SECONDS, type Moment, type SubflowWatch } from './subflow-watch.ts';

/** A path that is known to lose much is not called stalled before this multiple of the usual time. */
const LOSSY_PATIENCE = 3;

/** What is suspicious needs no look of its own before this part of the patience is left. */
const RIPENING = 0.6;

/** Between one connection and the next a path stays what it was for this long. */
const PAUSE_SECONDS = 10;

/** A recovery that takes longer than this waited for traffic. */
const LONGEST_RECOVERY_SECONDS = 300;

/** What one look says of the subflows of a path. */
interface Tally {
  readonly states: Record<SubflowHealthState, number>;
  open: number;
  homeless: number;
  moved: boolean;
  /** The stall and the silence that began last: life after them refutes all. */
  stalled: SubflowWatch | undefined;
  silent: SubflowWatch | undefined;
  /** Bytes on their way over subflows that are stalled, have been or are closing, and over those newly stalled. */
  owedBytes: number;
  newlyOwedBytes: number;
  ripening: SubflowWatch | undefined;
  /** A subflow whose peer listens, to check the path with. */
  target: SubflowWatch | undefined;
  /** Connections with and without the subflow that they should have here. */
  served: number;
  lacking: number;
  readonly lackingReasons: Set<Reason>;
  fellBackAt: number;
}

/** One path over time. Times are by the monotonic clock, in seconds. */
export class PathWatch implements PathHealth {
  readonly name: string;
  readonly configured: boolean;
  readonly checks: Checks;
  readonly link = new Link();
  readonly rtt: RttWatch;
  state: PathState = 'unused';
  reasons: ReadonlySet<Reason> = new Set();
  sinceSeconds: number;
  readonly changes = zeroes(PATH_STATES);
  /** When an MPTCP connection was last begun over it. */
  mptcpAt = Number.NEGATIVE_INFINITY;
  /** When it last had a subflow or an endpoint. */
  wantedAt = Number.NEGATIVE_INFINITY;
  lifeAt = Number.NEGATIVE_INFINITY;
  tally: Tally = newTally();
  readonly #loss: LossWatch;
  /** Nothing that is sent comes through. */
  #stall: PathStall | undefined;
  readonly #cleared = new ClearedStall();
  readonly #highRtt: Hysteresis;
  #judged = false;
  #openAt = Number.NEGATIVE_INFINITY;
  #suspectedAt: number | undefined;
  #unresolved = false;
  /** A check has found the path dead, which holds until something speaks against it. */
  #deadSince: number | undefined;
  #recoveringSince: number | undefined;

  constructor(name: string, configured: boolean, settings: HealthSettings, now: number) {
    this.name = name;
    this.configured = configured;
    this.sinceSeconds = now;
    this.checks = new Checks(name, settings);
    this.rtt = new RttWatch(settings);
    this.#loss = new LossWatch(settings);
    this.#highRtt = new Hysteresis({ enterSeconds: settings.degradedSeconds, leaveSeconds: settings.recoveredSeconds });
  }

  /** Open subflows by state. */
  get subflows(): Readonly<Record<SubflowHealthState, number>> {
    return this.tally.states;
  }

  /** Something is wrong that no data gets through. */
  get broken(): boolean {
    return this.state === 'down' || this.state === 'stalled';
  }

  /** It is judged no more until it comes back, and then by what is seen afterwards. */
  putAside(): this {
    this.tally = newTally();
    this.#suspectedAt = undefined;
    this.#unresolved = false;
    this.#deadSince = undefined;
    this.#stall = undefined;
    this.#cleared.end();
    this.#recoveringSince = undefined;
    return this;
  }

  /** Begins a look. */
  begin(): void {
    this.tally = newTally();
  }

  /** Counts a subflow that has been judged, and gives its state. */
  count(watch: SubflowWatch): SubflowHealthState {
    const { tally } = this;
    const { subflow } = watch;
    if (watch.lifeAt > this.lifeAt) this.lifeAt = watch.lifeAt;
    if (watch.progressed) tally.moved = true;
    tally.owedBytes += watch.owedBytes;
    if (watch.open) {
      // What carries our probes alone is not in use.
      if (watch.owner?.own !== true) tally.open++;
      if (watch.homeless) tally.homeless++;
      if (watch.ripeAt !== undefined && watch.ripeAt < (tally.ripening?.ripeAt ?? Number.POSITIVE_INFINITY))
        tally.ripening = watch;
      if (watch.openedHere === true && subflow.interfaceName !== undefined) tally.target ??= watch;
      if (watch.acknowledged && this.rtt.wants) {
        const { rttSeconds } = subflow.socket.tcp;
        if (rttSeconds !== undefined) this.rtt.add(subflow.socket.remote.address, rttSeconds);
      }
      if (watch.stalledSince !== undefined) this.#countStalled(watch, watch.stalledSince);
      else if (watch.silentSince !== undefined) {
        watch.state = this.checks.since(watch.silentSince) === 'alive' ? 'idle' : 'silent';
        // A peer that connected to us cannot be asked, and a scheduler that leaves a path unused looks just the same.
        const suspicious = watch.openedHere !== false;
        if (suspicious && watch.silentSince > (tally.silent?.silentSince ?? Number.NEGATIVE_INFINITY))
          tally.silent = watch;
      } else if (watch.state === 'silent') watch.state = subflow.backup === true ? 'backup' : 'idle';
    }
    tally.states[watch.state]++;
    return watch.state;
  }

  /** Judges the path when all has been counted. */
  judge(
    path: Path | undefined,
    interfaces: Interfaces,
    totals: PathTraffic,
    { now }: Moment,
    probes: ProbeEvidence | undefined,
  ): void {
    const { open, homeless } = this.tally;
    this.link.learn(path, interfaces);
    if (open > 0) this.#openAt = now;
    if (open > 0 || (path?.endpointIds.length ?? 0) > 0) this.wantedAt = now;
    const reasons = new Set<Reason>();
    this.#stall = this.#findStall();
    this.#cleared.follow(this.#stall, this.checks, now);
    this.#judgeQuality(totals, now, reasons);
    const wanted = this.configured || this.wantedAt > Number.NEGATIVE_INFINITY;
    const fault = this.link.fault(interfaces, open, homeless);
    if (fault !== undefined) this.#loss.linkDown(now);
    const state = wanted && fault !== undefined ? only(reasons, fault, 'down') : this.#judgeUse(now, reasons, probes);
    this.#enter(state, reasons, now);
  }

  /** A check that this path wants now. */
  wantedCheck({ now }: Moment): CheckRequest | undefined {
    const { silent, stalled, target } = this.tally;
    if (this.state === 'down') return undefined;
    const suspect = [silent, stalled, target].find((one) => one?.openedHere === true);
    if (suspect === undefined) return undefined;
    if (this.state === 'stalled') return this.checks.ask('stalled', suspect, now);
    if (this.#cleared.at !== undefined)
      return this.checks.ask(this.#cleared.failed ? 'stalled' : 'cleared', suspect, now);
    if (silent === undefined || this.#refuted(silent.silentSince ?? now)) {
      this.checks.rest();
      return undefined;
    }
    return this.checks.ask(this.#suspectedAt === undefined ? 'explained' : 'suspected', suspect, now);
  }

  /** When a look would tell more than now, if nothing else on the path speaks against it by then. */
  ripensAt({ now }: Moment): number | undefined {
    const { ripening } = this.tally;
    if (ripening?.ripeAt === undefined || this.broken) return undefined;
    const quietSince = ripening.ripeAt - ripening.patienceSeconds;
    // In steady traffic something is always about to be late.
    if (ripening.ripeAt - now > RIPENING * ripening.patienceSeconds) return undefined;
    return this.lifeAt > quietSince + CLOCK_SLACK_SECONDS ? undefined : ripening.ripeAt;
  }

  #countStalled(watch: SubflowWatch, since: number): void {
    const { tally } = this;
    if (since > (tally.stalled?.stalledSince ?? Number.NEGATIVE_INFINITY)) tally.stalled = watch;
    if (watch.owedSince === since) return;
    watch.owedSince = since;
    tally.newlyOwedBytes += watch.owedBytes;
  }

  /** Something was heard on the path later than what began then can explain. */
  #refuted(since: number, transitSeconds = 0): boolean {
    return this.lifeAt > since + Math.max(CLOCK_SLACK_SECONDS, transitSeconds);
  }

  #judgeQuality(totals: PathTraffic, now: number, reasons: Set<Reason>): void {
    if (this.#loss.isHigh(this.#sending(totals), this.#lossStall(), now)) reasons.add('high_loss');
    if (this.#highRtt.update(this.rtt.pressure(now), now)) reasons.add('high_rtt');
  }

  #sending(totals: PathTraffic): Sending | undefined {
    const { sentBytes, retransmittedBytes } = totals.get(this.name) ?? {};
    if (sentBytes === undefined || retransmittedBytes === undefined) return undefined;
    return { sentBytes, retransmittedBytes, owedBytes: this.tally.owedBytes, heardAt: this.lifeAt };
  }

  #lossStall(): Stall | undefined {
    const { stalled, newlyOwedBytes } = this.tally;
    const since = this.#stall?.since ?? stalled?.stalledSince;
    if (stalled === undefined || since === undefined) return undefined;
    return {
      since,
      whole: this.#stall !== undefined,
      backoff: stalled.subflow.socket.tcp.backoff ?? 0,
      checkFailed: this.checks.deadAt > since,
      aliveAt: this.#cleared.at,
      refuted: this.#stall !== undefined && this.#cleared.isLoss(this.#stall, this.checks),
      newlyOwedBytes,
    };
  }

  /** The subflow that stalled last, if nothing has been heard on the path since. */
  #findStall(): PathStall | undefined {
    const { stalled } = this.tally;
    if (stalled?.stalledSince === undefined) return undefined;
    // The one that showed it may have closed, and those left be of a stall before.
    const since = Math.max(stalled.stalledSince, this.#stall?.since ?? Number.NEGATIVE_INFINITY);
    return this.#refuted(since, stalled.timeoutSeconds) ? undefined : { watch: stalled, since };
  }

  /** The state of a path whose link is in order; leaves in `reasons` those that belong to it. */
  #judgeUse(now: number, reasons: Set<Reason>, probes: ProbeEvidence | undefined): PathState {
    const stalled = this.#judgeStall(now, reasons);
    const silent = this.#judgeSilence(now, reasons);
    if (stalled !== undefined) return only(reasons, 'no_acknowledgements', 'stalled', silent);
    if (silent !== undefined) return only(reasons, silent, 'stalled');
    if (probesTell(probes, this, now)) return only(reasons, 'probe_failing', 'stalled');
    if (this.#isMissing()) {
      reasons.clear();
      for (const cause of this.tally.lackingReasons) reasons.add(cause);
      return 'missing';
    }
    if (this.tally.fellBackAt > this.mptcpAt) reasons.add('fallback');
    const pausing = (this.state === 'up' || this.state === 'degraded') && now - this.#openAt < PAUSE_SECONDS;
    const used = this.tally.open > 0 || pausing;
    if (reasons.size > 0 && used) return 'degraded';
    reasons.clear();
    return used ? 'up' : 'unused';
  }

  #judgeStall(now: number, reasons: Set<Reason>): Reason | undefined {
    const stall = this.#stall;
    if (stall === undefined) return undefined;
    const lossy = reasons.has('high_loss') && this.state !== 'stalled';
    const patience = lossy ? LOSSY_PATIENCE * stall.watch.patienceSeconds : 0;
    if (now - stall.since < patience) return undefined;
    if (this.#cleared.at === undefined) return 'no_acknowledgements';
    if (this.#cleared.isStuck(this.checks, now)) reasons.add('no_acknowledgements');
    return undefined;
  }

  /** The reason when the path is known dead; a suspicion that cannot be resolved degrades it. */
  #judgeSilence(now: number, reasons: Set<Reason>): Reason | undefined {
    const { silent, open, target } = this.tally;
    if (this.#deadSince !== undefined) {
      const alive = this.checks.aliveAt > this.checks.deadAt || this.#refuted(this.#deadSince);
      if (!alive && open > 0) return 'no_data_arriving';
      this.#deadSince = undefined;
    }
    const since = silent?.silentSince;
    const verdict = since === undefined || this.#refuted(since) ? 'alive' : this.checks.since(since);
    if (verdict !== undefined || since === undefined) {
      this.#suspectedAt = undefined;
      this.#unresolved = false;
      if (verdict === 'dead') this.#deadSince = since;
      return verdict === 'dead' ? 'no_data_arriving' : undefined;
    }
    this.#suspectedAt ??= now;
    this.#unresolved ||= this.checks.isUnanswered(this.#suspectedAt, target !== undefined, now);
    if (this.#unresolved) reasons.add('no_data_arriving');
    return undefined;
  }

  /** At least half of the connections that should have a subflow here have none; it ends when that is a quarter. */
  #isMissing(): boolean {
    const { served, lacking } = this.tally;
    return lacking > 0 && lacking * (this.state === 'missing' ? 3 : 1) >= served;
  }

  /** The recovery that this look completed: seconds from the fault's end to data moving again. */
  takeRecovery(now: number): number | undefined {
    if (this.#recoveringSince === undefined || this.broken) return undefined;
    const { moved, open, states, stalled, silent } = this.tally;
    const seconds = Math.max(0, this.lifeAt - this.#recoveringSince);
    const done = moved && this.lifeAt >= this.#recoveringSince;
    const demand = open > 0 && (states.active > 0 || stalled !== undefined || silent !== undefined);
    if (done || !demand || now - this.#recoveringSince > LONGEST_RECOVERY_SECONDS) this.#recoveringSince = undefined;
    return done ? seconds : undefined;
  }

  #enter(state: PathState, reasons: ReadonlySet<Reason>, now: number): void {
    const before = this.reasons;
    this.reasons = reasons;
    if (state === this.state && this.#judged) return;
    if (this.#judged) {
      this.changes[state]++;
      this.#noteFaultEnd(state, before, now);
    }
    this.#judged = true;
    this.state = state;
    this.sinceSeconds = now;
  }

  #noteFaultEnd(next: PathState, reasons: ReadonlySet<Reason>, now: number): void {
    if (next === 'down' || (next === 'stalled' && this.state !== 'down')) this.#recoveringSince = undefined;
    else if (this.state === 'down') this.#recoveringSince = now;
    // Nothing may have moved for long: the answer that ended it has just come.
    else if (reasons.has('probe_failing') && this.lifeAt < this.sinceSeconds) this.#recoveringSince ??= now;
    else if (this.state === 'stalled')
      this.#recoveringSince ??= this.checks.aliveAt > this.sinceSeconds ? this.checks.aliveAt : this.lifeAt;
  }
}

/** Leaves the given reasons alone, which outweigh the others, and gives the state. */
function only(reasons: Set<Reason>, reason: Reason, state: PathState, another?: Reason): PathState {
  reasons.clear();
  reasons.add(reason);
  if (another !== undefined) reasons.add(another);
  return state;
}

function zeroes<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}

function newTally(): Tally {
  return {
    states: zeroes(SUBFLOW_HEALTH_STATES),
    open: 0,
    homeless: 0,
    moved: false,
    stalled: undefined,
    silent: undefined,
    owedBytes: 0,
    newlyOwedBytes: 0,
    ripening: undefined,
    target: undefined,
    served: 0,
    lacking: 0,
    lackingReasons: new Set(),
    fellBackAt: Number.NEGATIVE_INFINITY,
  };
}
