import type { Checks } from './checks.ts';
import { CLOCK_SLACK_SECONDS, type SubflowWatch } from './subflow-watch.ts';

/** A check got through, but what is sent goes on failing for this long: something else is wrong. */
const STUCK_SECONDS = 5;

/** Things so close in time tell of the same state of the link. */
const SAME_TIME_SECONDS = 1.5;

/**
 * A stall that goes on although a check got through: of a sender in backoff, which does not try again for many seconds after
 * the link is back, or of a path that loses much.
 */
export class ClearedStall {
  /** When the first check got through; `undefined` while none has. */
  at: number | undefined;
  #firstFailedAt: number | undefined;
  #failedAt: number | undefined;

  /** What was sent after the check is not acknowledged either. */
  get failed(): boolean {
    return this.#failedAt !== undefined;
  }

  /** Takes the path's stalled subflow at this look; `undefined` when nothing is stalled, or others on the path are not. */
  follow(stalled: SubflowWatch | undefined, checks: Checks, now: number): void {
    const since = stalled?.stalledSince;
    this.#failedAt = undefined;
    if (stalled === undefined || since === undefined || checks.since(since) !== 'alive') {
      this.end();
      return;
    }
    this.at ??= checks.aliveAt;
    // A sender in backoff may not have tried again: only an attempt that failed tells that the path, though alive, is of no use.
    const triedAt = now - (stalled.subflow.socket.tcp.lastDataSentSeconds ?? Number.POSITIVE_INFINITY);
    if (triedAt <= this.at + CLOCK_SLACK_SECONDS || now - triedAt <= stalled.patienceSeconds) return;
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
  isLoss({ stalledSince, patienceSeconds }: SubflowWatch, { aliveAt, promptAt, deadAt }: Checks): boolean {
    const failedAt = this.#failedAt ?? stalledSince;
    if (this.at === undefined || failedAt === undefined) return false;
    if (failedAt > aliveAt) return failedAt < aliveAt + SAME_TIME_SECONDS;
    return deadAt <= failedAt && promptAt > failedAt && promptAt < failedAt + patienceSeconds + SAME_TIME_SECONDS;
  }
}
