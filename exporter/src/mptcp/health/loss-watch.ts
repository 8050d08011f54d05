import { Hysteresis } from './hysteresis.ts';
import { LEAST_SECONDS, LONGEST_SECONDS, LossWindow } from './loss-window.ts';
import { RecentNormal } from './recent-normal.ts';
import type { HealthSettings } from './settings.ts';

/** Loss is high from this many times the path's usual on. */
const TIMES_USUAL = 3;

/** After an outage, what it owes is sent again within this long. */
const DUE_SECONDS = 10;

/** A path that stalls again within this long after it came through is losing, not out, … */
const AGAIN_SECONDS = 10;

/** … unless so many timers ran out in a row that chance does not explain it: in one stall of thirty, at a third lost each way. */
const THOROUGH_BACKOFF = 4;

/** What stalled before the path was heard of again belongs to the same outage; ages are read a little late. */
const SAME_OUTAGE_SECONDS = 0.1;

/** A path that loses much sends little: once it is known to be losing, so short a bucket may be of a single segment. */
const PATIENCE_SECONDS = 3;

/** What a path has sent in all, and what has come of it. */
export interface Sending {
  readonly sentBytes: number;
  readonly retransmittedBytes: number;
  /** Of stalls, also of those that are over, and of closing subflows: on its way then and not acknowledged yet. */
  readonly owedBytes: number;
  /** When the path was last heard of. */
  readonly heardAt: number;
}

/** What a look says of the stalled subflows of a path. */
export interface Stall {
  /** When the one that began last did. */
  readonly since: number;
  /** Nothing has been heard on the path since then. */
  readonly whole: boolean;
  /** Retransmission timers that ran out in a row. */
  readonly backoff: number;
  /** A check got no answer. */
  readonly checkFailed: boolean;
  /** When a check got through, which a sender in backoff does not know. */
  readonly aliveAt: number | undefined;
  /** Checks show that it is no outage: they get through, and what is sent does not. */
  readonly refuted: boolean;
  /** Bytes on their way over those that were not stalled at the look before. */
  readonly newlyOwedBytes: number;
}

interface Outage {
  readonly since: number;
  /** Since the path came through after the last one. */
  readonly afterSeconds: number;
  thorough: boolean;
  /** When a check got through again. */
  aliveAt: number | undefined;
}

/**
 * Whether a path loses much. What is sent again because of an outage tells nothing about that: neither what goes out while
 * nothing comes through, nor, afterwards, what was on its way then. But a path that loses a third of its packets stalls, too,
 * and looks like one that is out. So loss is weighed both ways, without what outages explain and with all of it, and the
 * second counts once something shows that a stall was no outage.
 */
export class LossWatch {
  readonly #usual: RecentNormal;
  readonly #unexplained = new LossWindow();
  readonly #all = new LossWindow({ patienceSeconds: PATIENCE_SECONDS });
  readonly #unexplainedHigh: Hysteresis;
  readonly #allHigh: Hysteresis;
  /** Nothing comes through. */
  #outage: Outage | undefined;
  /** When the path came through, as far as known, after the last stall. */
  #throughAt = Number.NEGATIVE_INFINITY;
  /** Retransmissions owed to an outage that is over, or to a stall on a living path. */
  #dueBytes = 0;
  #dueUntil = Number.NEGATIVE_INFINITY;
  #lastBytes: number | undefined;
  /** Of all retransmissions, those that outages explain. */
  #explainedBytes = 0;
  #losingUntil = Number.NEGATIVE_INFINITY;
  #losing = false;

  constructor(settings: HealthSettings) {
    this.#usual = new RecentNormal((usual = 0) => Math.max(settings.highLossRatio, usual * TIMES_USUAL));
    const { degradedSeconds: enterSeconds, recoveredSeconds: leaveSeconds } = settings;
    this.#unexplainedHigh = new Hysteresis({ enterSeconds, leaveSeconds });
    // What shows in a stall has gone on for as long as it takes to show.
    this.#allHigh = new Hysteresis({ enterSeconds: Math.max(0, enterSeconds - LEAST_SECONDS), leaveSeconds });
  }

  /** Takes a look, each one and in order; gives whether loss is high. `sending` is absent where the source cannot tell. */
  isHigh(sending: Sending | undefined, stall: Stall | undefined, now: number): boolean {
    const ended = this.#learnStall(stall, sending?.heardAt ?? Number.NEGATIVE_INFINITY, now);
    const { unexplained, all } = sending === undefined ? {} : this.#weigh(sending, ended, now);
    const pressure = unexplained === undefined ? undefined : this.#usual.pressure(unexplained, now);
    const unexplainedHigh = this.#unexplainedHigh.update(pressure, now);
    const allHigh = this.#allHigh.update(all === undefined ? undefined : this.#usual.pressureOf(all), now);
    const losing = allHigh && now < this.#losingUntil;
    // What has been told stands until it is over, and the next stall is judged by itself.
    if (losing) this.#suspect(now);
    else if (this.#losing) this.#losingUntil = now;
    this.#losing = losing;
    return unexplainedHigh || losing;
  }

  /** The link itself is out: what is lost meanwhile says nothing about loss, nor does what was suspected before. */
  linkDown(now: number): void {
    this.#losingUntil = now;
    if (this.#outage !== undefined) this.#outage.thorough = true;
  }

  /** A stall was no outage: loss counts with all that has been sent again lately, for some time. */
  #suspect(now: number): void {
    this.#losingUntil = now + LONGEST_SECONDS;
  }

  /** Gives whether an outage has ended with this look. */
  #learnStall(stall: Stall | undefined, heardAt: number, now: number): boolean {
    if (stall !== undefined) this.#dueUntil = now + DUE_SECONDS;
    if (stall?.whole === true) {
      const { since } = stall;
      this.#outage ??= { since, afterSeconds: this.#afterSeconds(since), thorough: false, aliveAt: undefined };
      this.#outage.thorough ||= stall.checkFailed || stall.backoff >= THOROUGH_BACKOFF;
      this.#outage.aliveAt ??= stall.aliveAt;
      if (stall.refuted) this.#suspect(now);
      return false;
    }
    const outage = this.#outage;
    this.#outage = undefined;
    if (outage !== undefined && heardAt > outage.since + SAME_OUTAGE_SECONDS) {
      this.#throughAt = outage.aliveAt ?? heardAt;
      if (!outage.thorough && outage.afterSeconds < AGAIN_SECONDS) this.#suspect(now);
    }
    if (stall !== undefined && stall.newlyOwedBytes > 0) {
      if (this.#afterSeconds(stall.since) < AGAIN_SECONDS) this.#suspect(now);
      this.#throughAt = now;
      this.#dueBytes += stall.newlyOwedBytes;
    }
    return outage !== undefined;
  }

  /** How long before a stall the path came through after the last one, if that was another. */
  #afterSeconds(since: number): number {
    const seconds = since - this.#throughAt;
    return seconds > -SAME_OUTAGE_SECONDS ? seconds : Number.POSITIVE_INFINITY;
  }

  /** The lost parts of what was sent lately. */
  #weigh({ sentBytes, retransmittedBytes, owedBytes }: Sending, ended: boolean, now: number) {
    const again = retransmittedBytes - (this.#lastBytes ?? retransmittedBytes);
    this.#lastBytes = retransmittedBytes;
    if (this.#outage !== undefined) this.#dueBytes = owedBytes;
    if (ended || this.#outage !== undefined) this.#explainedBytes += again;
    else if (now <= this.#dueUntil) {
      const paid = Math.min(this.#dueBytes, again);
      this.#dueBytes -= paid;
      this.#explainedBytes += paid;
    }
    this.#dueBytes = Math.min(this.#dueBytes, owedBytes);
    const [sent, retransmitted] = [sentBytes - this.#explainedBytes, retransmittedBytes - this.#explainedBytes];
    return {
      unexplained: this.#unexplained.ratio(now, sent, retransmitted),
      all: this.#all.ratio(now, sentBytes, retransmittedBytes),
    };
  }
}
