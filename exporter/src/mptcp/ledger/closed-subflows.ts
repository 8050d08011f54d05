import type { Connection, JoinedSockets, PathManagerEvent, TcpState } from '../model.ts';
import { type Ending, Endings, STALE_LOOKS } from './endings.ts';
import type { CloseReason, PathBook } from './path-totals.ts';
import type { TrackedSubflow } from './tracked.ts';

/** The end of a subflow. */
export interface SubflowEnding extends Ending {
  readonly subflow: TrackedSubflow;
  /** Nothing told of it: looks did not show it any more, or showed its socket connected anew. */
  readonly presumed: boolean;
  /** Its reason has been counted. */
  settled: boolean;
}

/** Error numbers with which a subflow ends that was reset or refused (net/ipv4/tcp_input.c tcp_reset, tcp.c tcp_abort). */
const RESET_ERRORS: ReadonlySet<number> = new Set([32 /* EPIPE */, 103 /* ECONNABORTED */, 104 /* ECONNRESET */, 111]);

/** States of a connection that is being closed itself. */
const ENDING_STATES: ReadonlySet<TcpState> = new Set([
  'fin_wait_1',
  'fin_wait_2',
  'time_wait',
  'closed',
  'last_ack',
  'closing',
]);

/** Why a subflow closed, where the event says so: it comes only for subflows that close before their connection. */
export function closeReasonOf({ name, error, resetReason }: PathManagerEvent): CloseReason | undefined {
  if (name !== 'subflow_closed') return undefined;
  const reset = resetReason !== undefined || (error !== undefined && RESET_ERRORS.has(error));
  return reset ? 'reset' : 'subflow_closed';
}

/** Remembers the subflows that have closed, and counts why once that is known. */
export class ClosedSubflows extends Endings<SubflowEnding> {
  readonly #paths: PathBook;

  constructor(limit: number, paths: PathBook) {
    super(limit);
    this.#paths = paths;
  }

  /** Remembers one; of the oldest, when it must go for it, the reason is counted as far as it is known. */
  add(ending: Omit<SubflowEnding, 'settled'>): void {
    const oldest = this.remember({ ...ending, settled: false });
    if (oldest !== undefined) this.count(oldest, false);
  }

  /** The subflow that a notification means which comes again, or so late that its subflow had been given up. */
  behind({ cookie, tuple, seconds }: Ending, disconnected: boolean): SubflowEnding | undefined {
    const same = cookie === undefined ? undefined : this.byCookie(cookie);
    if (same !== undefined && (disconnected || same.tuple === tuple)) return same;
    const between = this.byTuple(tuple, seconds);
    return between?.cookie === undefined ? between : undefined;
  }

  /** Counts the reasons of those that a look begun after their end can judge; `fold` is the number of that look. */
  settle({ connections }: JoinedSockets, fold: number): void {
    let wentOn: ((subflow: TrackedSubflow) => boolean) | undefined;
    for (const ending of this) {
      if (ending.settled || (!ending.presumed && fold - ending.fold < STALE_LOOKS)) continue;
      wentOn ??= goingOn(connections);
      this.count(ending, wentOn(ending.subflow));
    }
  }

  /** Counts the reason of one, unless that is done: what was told, else by whether its connection went on. */
  count(ending: SubflowEnding, connectionWentOn: boolean): void {
    if (ending.settled) return;
    ending.settled = true;
    const { path, toldReason } = ending.subflow;
    const reason = toldReason ?? (connectionWentOn ? 'subflow_closed' : 'connection_closed');
    this.#paths.of(path).subflowsClosed[reason]++;
  }
}

/** By the connection's key where the two were seen together, since tokens are used again. */
function goingOn(connections: readonly Connection[]): (subflow: TrackedSubflow) => boolean {
  const open = connections.filter(({ socket }) => !ENDING_STATES.has(socket.state));
  const keys = new Set(open.map(({ key }) => key));
  const tokens = new Set(open.map(({ socket }) => socket.token));
  return ({ connection, token }) =>
    connection === undefined ? token !== undefined && tokens.has(token) : keys.has(connection);
}
