import type { HealthSettings } from './settings.ts';
import type { CheckRequest, CheckResult } from './states.ts';
import type { SubflowWatch } from './subflow-watch.ts';

/** A verdict waits for the answer to the SYN that the kernel repeats after a second: one lost packet is no dead path. */
const VERDICT_SECONDS = 1.2;
const SYN_REPEAT_SECONDS = 1;

/** There is no hurry to look again at a path that proved alive, and a lossy one loses more than one SYN in a row. */
const UNHURRIED_VERDICT_SECONDS = 3.5;

/** A silence that was explained is looked into again after twice as long each time, up to this. */
const LONGEST_PAUSE_SECONDS = 60;

/** A verdict that is this much overdue does not come: the check could not be made. */
const OVERDUE_SECONDS = 1;

/**
 * How pressing a check is. `cleared`: the path proved alive although its subflows are stalled. `explained`: it proved alive, and
 * is asked now and then.
 */
export type Urgency = 'suspected' | 'stalled' | 'cleared' | 'explained';

/** The checks of one path: when to ask, and what the answers say. */
export class Checks {
  readonly #settings: HealthSettings;
  readonly #path: string;
  /** Last answers of either kind; minus infinity before the first. */
  aliveAt = Number.NEGATIVE_INFINITY;
  deadAt = Number.NEGATIVE_INFINITY;
  /** Last answer that came as soon as a path's that is in order, of whose SYNs one may have got lost. */
  promptAt = Number.NEGATIVE_INFINITY;
  #promptSeconds = VERDICT_SECONDS;
  #askedAt = Number.NEGATIVE_INFINITY;
  #verdictSeconds = VERDICT_SECONDS;
  #pauseSeconds: number;

  constructor(path: string, settings: HealthSettings) {
    this.#path = path;
    this.#settings = settings;
    this.#pauseSeconds = settings.checkIntervalSeconds;
  }

  /** Takes an answer. */
  learn({ alive, monotonicSeconds }: CheckResult): void {
    if (alive && monotonicSeconds - this.#askedAt <= this.#promptSeconds) this.promptAt = monotonicSeconds;
    if (alive) this.aliveAt = Math.max(this.aliveAt, monotonicSeconds);
    else this.deadAt = Math.max(this.deadAt, monotonicSeconds);
  }

  /** The latest answer after `since`, if there is one. */
  since(since: number): 'alive' | 'dead' | undefined {
    if (Math.max(this.aliveAt, this.deadAt) <= since) return undefined;
    return this.aliveAt >= this.deadAt ? 'alive' : 'dead';
  }

  /** Whether what is suspected since that time has had its chance to be answered. */
  isUnanswered(suspectedAt: number, canAsk: boolean, now: number): boolean {
    const { confirm, degradedSeconds, checkIntervalSeconds } = this.#settings;
    if (!canAsk || confirm === 'off') return now - suspectedAt >= degradedSeconds;
    const asked = this.#askedAt >= suspectedAt ? this.#askedAt : suspectedAt + checkIntervalSeconds;
    return now - asked > this.#verdictSeconds + OVERDUE_SECONDS;
  }

  /** The path needed no check: the next explained silence is looked into soon again. */
  rest(): void {
    this.#pauseSeconds = this.#settings.checkIntervalSeconds;
  }

  /** A check over this subflow, when it is time for one. */
  ask(urgency: Urgency, { subflow }: SubflowWatch, now: number): CheckRequest | undefined {
    const { interfaceName, socket } = subflow;
    const { confirm, checkIntervalSeconds } = this.#settings;
    const pause = urgency === 'explained' ? this.#pauseSeconds : checkIntervalSeconds;
    if (confirm === 'off' || interfaceName === undefined || now - this.#askedAt < pause) return undefined;
    if (urgency === 'explained') this.#pauseSeconds = Math.min(2 * this.#pauseSeconds, LONGEST_PAUSE_SECONDS);
    const rtt = socket.tcp.rttSeconds ?? 0;
    const hurried = Math.max(VERDICT_SECONDS, SYN_REPEAT_SECONDS + 2 * rtt, 4 * rtt);
    // One connect is over before the next begins.
    const timeoutSeconds = checkIntervalSeconds - 0.5;
    const unhurried = urgency === 'explained' || urgency === 'cleared';
    const verdict = unhurried ? Math.max(UNHURRIED_VERDICT_SECONDS, hurried) : hurried;
    this.#verdictSeconds = Math.min(verdict, timeoutSeconds);
    this.#promptSeconds = hurried;
    this.#askedAt = now;
    return {
      path: this.#path,
      interfaceName,
      localAddress: socket.local.address,
      peer: socket.remote,
      verdictSeconds: this.#verdictSeconds,
      timeoutSeconds,
    };
  }
}
