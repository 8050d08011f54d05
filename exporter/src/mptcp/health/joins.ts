import type { PathManagerEvent, SocketAddress } from '../model.ts';
import type { Reason } from './states.ts';

/** A join that ended this long after it was answered had come about. */
const YOUNG_SECONDS = 10;

/** The end of a join waits this long for the look that shows its connection. */
const WAITING_SECONDS = 3;

const KEPT_JOINS = 1024;

/** errno of what the other end, or somebody in its name, did: ECONNABORTED, ECONNRESET, ECONNREFUSED. */
export const REFUSED: ReadonlySet<number> = new Set([103, 104, 111]);

/** A subflow that ended, as the kernel told it: a failed join, where its connection neither has it nor lost it. */
export interface EndedJoin {
  readonly at: number;
  readonly token: number;
  readonly localAddress: string;
  readonly reason: Reason;
}

/** Joins by the path manager's events: what became of each. */
export class Joins {
  /** When each was answered. */
  readonly #answered = new Map<string, number>();
  #ended: EndedJoin[] = [];

  /** Takes the events of a look. */
  learn(events: readonly PathManagerEvent[], now: number): void {
    for (const event of events) {
      const { name, token, local, remote } = event;
      if (token === undefined || local === undefined) continue;
      const key = keyOf(token, local, remote);
      if (name === 'subflow_established') this.#answered.set(key, now);
      else if (name === 'subflow_closed') {
        const reason = failure(event, this.#answered.delete(key));
        this.#ended.push({ at: now, token, localAddress: local.address, reason });
      }
    }
    if (this.#ended.length > 0)
      this.#ended = this.#ended.filter(({ at }) => now - at <= WAITING_SECONDS).slice(-KEPT_JOINS);
    // In the order of their time.
    for (const [key, at] of this.#answered) {
      if (now - at <= YOUNG_SECONDS && this.#answered.size <= KEPT_JOINS) break;
      this.#answered.delete(key);
    }
  }

  /** Those whose connection `take` found; they are not given again. */
  settle(take: (join: EndedJoin) => boolean): void {
    if (this.#ended.length > 0) this.#ended = this.#ended.filter((join) => !take(join));
  }

  /** Whether any wait for their connection. */
  get pending(): boolean {
    return this.#ended.length > 0;
  }
}

const keyOf = (token: number, local: SocketAddress, remote: SocketAddress | undefined): string =>
  `${token} ${local.address} ${local.port} ${remote?.address} ${remote?.port}`;

/** Why a join failed that ended so. `answered`: a moment ago the other end had agreed to it. */
function failure({ error = 0, resetReason }: PathManagerEvent, answered: boolean): Reason {
  if (REFUSED.has(error) || (error === 0 && (answered || (resetReason ?? 0) !== 0))) return 'join_rejected';
  // Without an error this end gave it up: its SYN was answered by plain TCP.
  return error === 0 ? 'fallback' : 'join_unanswered';
}
