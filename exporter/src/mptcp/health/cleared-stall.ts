import type { Checks } from './checks.ts';
import { CLOCK_SLACK_SECONDS, type SubflowWatch } from './subflow-watch.ts';

/** A check got through, but what is sent goes on failing for this long: something else is wrong. */
const STUCK_SECONDS = 5;

/** Things so close in time tell of the same state of the link. */
const SAME_TIME_SECONDS = 1.5;

/** Nothing that is sent on a path comes through since a moment, of which a subflow tells. */
export interface PathStall {
  readonly watch: SubflowWatch;
  readonly since: number;
}

/**
 * A stall that goes on although a check got through: of a sender in backoff, which does not try again for many seconds after
 * the link is back, or of a path that loses much.
 */
export class ClearedStall {
  /** When the first check got through; `undefined` while none has. */
  at: number | undefined;
  #triedAt = Number.NEGATIVE_INFINITY;
  #firstFailedAt: number | undefined;
  #failedAt: number | undefined;

  /** What was sent after the check is not acknowledged either. */
  get failed(): boolean {
    return this.#failedAt !== undefined;
  }

  /** Takes the path's stall as it is at this look. */
  follow(stall: PathStall | undefined, checks: Checks, now: number): void {
    this.#failedAt = undefined;
    if (stall === undefined || checks.since(stall.since) !== 'alive') {
      this.end();
      return;
    }
    const { patienceSeconds, subflow } = stall.watch;
    this.at ??= checks.aliveAt;
    // A sender in backoff may not have tried again: only an attempt that failed tells that the path, though alive, is of no use.
    const triedAt = now - (subflow.socket.tcp.lastDataSentSeconds ?? Number.POSITIVE_INFINITY);
    this.#triedAt = triedAt;
    if (triedAt <= this.at + CLOCK_SLACK_SECONDS || now - triedAt <= patienceSeconds) return;
    this.#failedAt = triedAt;
    this.#firstFailedAt ??= triedAt;
  }

  /** The stall is over, or the path is judged no more. */
  end(): void {
    this.at = undefined;
    this.#firstFailedAt = undefined;
    this.#failedAt = undefined;
  }

  /** For long, what is sent has been failing on a path that answers: a single failure may be of an outage that is over. */
  isStuck(checks: Checks, now: number): boolean {
    if (this.at === undefined || this.#failedAt === undefined || this.#firstFailedAt === undefined) return false;
    const again = this.#failedAt > this.#firstFailedAt + CLOCK_SLACK_SECONDS;
    return now - this.at > STUCK_SECONDS && (again || this.#failedAt > checks.aliveAt);
  }

  /**
   * What is sent fails, and a check gets through at the same time: that is loss. An answer that comes later may be of a link
   * that is back, and an attempt that comes later may meet the next outage.
   */
  isLoss({ since, watch }: PathStall, { aliveAt, promptAt, deadAt }: Checks): boolean {
    if (this.at === undefined) return false;
    const failedAt = this.#failedAt ?? since;
    // Nothing failed while nothing was tried.
    if (this.#triedAt < since - CLOCK_SLACK_SECONDS) return false;
    if (failedAt > aliveAt) return failedAt < aliveAt + SAME_TIME_SECONDS;
    return deadAt <= failedAt && promptAt > failedAt && promptAt < failedAt + watch.patienceSeconds + SAME_TIME_SECONDS;
  }
}
