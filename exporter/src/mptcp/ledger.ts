import { fourTuple } from './four-tuple.ts';
import {
  type ByteCounters,
  byteCountersOf,
  credit,
  isBehind,
  isComplete,
  isStill,
  zeroed,
} from './ledger/byte-counters.ts';
import { ClosedSubflows, closeReasonOf, type SubflowEnding } from './ledger/closed-subflows.ts';
import { Endings, LAG_SECONDS, type SocketEnding } from './ledger/endings.ts';
import { PathBook, type PathTotals } from './ledger/path-totals.ts';
import { measure, ratesFrom, type SubflowRates } from './ledger/rates.ts';
import { isSameSubflow, isSameToken, type TrackedSubflow, TrackedSubflows } from './ledger/tracked.ts';
import type {
  CloseRecord,
  JoinedSockets,
  PathManagerEvent,
  Snapshot,
  SocketAddress,
  Subflow,
  SubflowRecord,
} from './model.ts';
import { UNKNOWN_PATH } from './path-rules.ts';

/** What a look brought. */
export interface Folded {
  /** Length of the span for rates that this look ended, when it ended one. */
  readonly spanSeconds?: number;
  /**
   * How busy each subflow of the look was in the last span, in bytes per second both ways, by its index in the snapshot;
   * 0 when that is not known.
   */
  readonly activity: Float64Array;
}

/** Names the path of a subflow that no look has shown yet. */
export type NamePath = (subflow: Pick<SubflowRecord, 'local' | 'remote' | 'boundInterfaceIndex'>) => string;

/** A subflow as it comes to be known. */
interface Arrival {
  readonly key?: string | number;
  readonly path: string;
  readonly socket: Pick<SubflowRecord, 'local' | 'remote'> & { readonly token?: number | undefined };
  readonly tuple: string;
  readonly bytes: ByteCounters;
}

const NOTHING: Folded = { activity: new Float64Array(0) };
const NO_BYTES: ByteCounters = { sentBytes: 0, receivedBytes: 0, retransmittedBytes: 0, acknowledgedBytes: 0 };

/** Most closes of each kind to remember, and most subflows that only events have told of. */
const MEMORY_LIMIT = 20_000;

/** A subflow that no look has shown for so long is given up, also while looks fail. */
const UNSEEN_SECONDS = 60;

/** Events that name a subflow which is open. */
const OPENING: ReadonlySet<PathManagerEvent['name']> = new Set(['created', 'established', 'subflow_established']);

/**
 * Turns the counters of sockets, which come and go, into counters of paths, which never go backwards.
 *
 * It learns of subflows in three ways, in whatever order they come: from looks, from path-manager events, and from the
 * kernel's notifications of closed TCP sockets, which carry the last counters but not whether the socket was a subflow.
 * Subflows that are already open at the first look count from what they show then: their earlier bytes may have been
 * counted by the run before this one, and a restart must not look like traffic to Prometheus.
 */
export class Ledger {
  readonly #paths = new PathBook();
  readonly #open = new TrackedSubflows();
  readonly #closed = new ClosedSubflows(MEMORY_LIMIT, this.#paths);
  /** Mostly plain TCP; but a close may also come before the look or the event which shows that it was a subflow. */
  readonly #strangers = new Endings<SocketEnding>(MEMORY_LIMIT);
  readonly #minimumSpanSeconds: number;
  #graceSeconds = 0;
  #folds = 0;
  #spanStart: number | undefined;

  /** `minimumSpanSeconds`: rates are measured over at least this long, so that two looks in a row do not make noise. */
  constructor(options: { readonly minimumSpanSeconds: number }) {
    this.#minimumSpanSeconds = options.minimumSpanSeconds;
  }

  /** From now on closes are told: a subflow that is missing from a look is given time for its notification to come. */
  expectCloses(): void {
    this.#graceSeconds = LAG_SECONDS;
  }

  /** Takes one look into account. A look whose sockets could not be read changes nothing: not seen is not closed. */
  fold(snapshot: Snapshot): Folded {
    for (const { name } of snapshot.paths) this.#paths.of(name);
    const sockets = snapshot.sockets.value;
    if (sockets === undefined) return NOTHING;
    const now = snapshot.monotonicSeconds;
    const span = this.#endSpan(now);
    this.#folds++;
    const activity = new Float64Array(sockets.subflows.length);
    sockets.subflows.forEach((subflow, index) => {
      const tracked = this.#foldSubflow(subflow, sockets, now);
      if (tracked === undefined) return;
      if (span !== undefined) measure(tracked, tracked, span);
      activity[index] = (tracked.sendBytesPerSecond ?? 0) + (tracked.receiveBytesPerSecond ?? 0);
    });
    this.#missUnseen(now);
    this.#closed.settle(sockets, this.#folds);
    this.#closed.expire(now, this.#folds);
    this.#strangers.expire(now, this.#folds);
    return span === undefined ? { activity } : { activity, spanSeconds: span };
  }

  /**
   * Takes the notification of a closed TCP socket into account, at `now` on the clock of the looks. One that neither a
   * look nor an event shows to be a subflow is plain TCP and never counts.
   */
  closed(close: CloseRecord, now: number): void {
    const ending: SocketEnding = {
      cookie: close.cookie,
      tuple: fourTuple(close.local, close.remote),
      seconds: now,
      fold: this.#folds,
      bytes: byteCountersOf(close.tcp),
      disconnected: isDisconnected(close),
    };
    this.expectCloses();
    const tracked = this.#trackedBehind(ending);
    if (tracked !== undefined) {
      this.#close(tracked, ending);
      return;
    }
    const before = this.#closed.behind(ending, ending.disconnected);
    if (before === undefined) this.#strangers.remember(ending);
    else if (!ending.disconnected) this.#credit(before.subflow, ending.bytes);
  }

  /**
   * Takes an event of the path manager into account, at `now` on the clock of the looks: by it a subflow is known that no
   * look shows before it closes, and why one closed.
   */
  announced(event: PathManagerEvent, namePath: NamePath, now: number): void {
    const { local, remote, token, interfaceIndex } = event;
    if (local === undefined || remote === undefined) return;
    const tuple = fourTuple(local, remote);
    const open = this.#open.byTuple(tuple);
    const closed = this.#closed.byTuple(tuple, now)?.subflow;
    const known = [open, closed].find((one) => one !== undefined && isSameToken(one.token, token));
    if (known !== undefined) {
      known.toldReason ??= closeReasonOf(event);
      return;
    }
    if (!OPENING.has(event.name)) return;
    if (open !== undefined && open.key === undefined) this.#presumeClosed(open, now);
    const ends = { local, remote };
    const path = namePath(interfaceIndex === undefined ? ends : { ...ends, boundInterfaceIndex: interfaceIndex });
    const socket = token === undefined ? ends : { ...ends, token };
    const tracked = this.#track({ path, socket, tuple, bytes: NO_BYTES }, now);
    this.#paths.of(path).subflowsEstablished++;
    // A port in use again: that ending may be of the socket before, so it counts only if no other comes.
    tracked.earlierEnding = this.#strangers.byTuple(tuple, now);
    this.#boundUnseen(now);
  }

  /** Totals by path, in the order in which the paths were first seen. */
  get paths(): ReadonlyMap<string, PathTotals> {
    return this.#paths.all;
  }

  /** Subflows thought open: shown by the last look, announced since, or missing and waiting for their notification. */
  get openSubflows(): number {
    return this.#open.size;
  }

  /** Closed sockets that are kept for what may come late; bounded, and none a few looks after the last close. */
  get rememberedCloses(): number {
    return this.#closed.size + this.#strangers.size;
  }

  /** The rates of a subflow that was open at the last look. */
  ratesOf(key: string | number): SubflowRates {
    const { sendBytesPerSecond, receiveBytesPerSecond } = this.#open.byKey(key) ?? {};
    return {
      ...(sendBytesPerSecond !== undefined && { sendBytesPerSecond }),
      ...(receiveBytesPerSecond !== undefined && { receiveBytesPerSecond }),
    };
  }

  #endSpan(now: number): number | undefined {
    if (this.#spanStart === undefined) {
      this.#spanStart = now;
      return undefined;
    }
    const seconds = now - this.#spanStart;
    if (seconds < this.#minimumSpanSeconds) return undefined;
    this.#spanStart = now;
    return seconds;
  }

  /** Gives the subflow, unless it is known to have closed while the look was under way. */
  #foldSubflow(subflow: Subflow, sockets: JoinedSockets, now: number): TrackedSubflow | undefined {
    const { key, path, socket, connection } = subflow;
    if (socket.state === 'syn_sent') return undefined; // not open yet, and it may never be
    const before = this.#open.byKey(key);
    if (
      before !== undefined &&
      before.path === path &&
      before.connection !== undefined &&
      isStill(before, socket.tcp)
    ) {
      // Most subflows are idle at most looks. A socket with the same cookie and counters is the same subflow.
      before.fold = this.#folds;
      before.missingSeconds = undefined;
      return before;
    }
    const bytes = byteCountersOf(socket.tcp);
    const continues = (one: TrackedSubflow) => isSameSubflow(one, socket) && !isBehind(bytes, one);
    let tracked = this.#open.byKey(key);
    if (tracked !== undefined && !continues(tracked)) {
      // The socket has been disconnected, which zeroes its counters, and is in use again.
      this.#presumeClosed(tracked, now);
      tracked = undefined;
    }
    const arrives = tracked === undefined;
    if (tracked === undefined) {
      const ended = this.#closedShown(subflow, now);
      if (ended?.presumed === false) {
        this.#credit(ended.subflow, bytes);
        return undefined;
      }
      const goesOn = ended !== undefined && continues(ended.subflow);
      tracked = goesOn ? this.#reopen(ended) : this.#arrive(subflow, bytes, now);
    }
    if (path !== UNKNOWN_PATH) tracked.path = path;
    if (connection !== undefined) tracked.connection ??= sockets.connections[connection]?.key;
    tracked.fold = this.#folds;
    tracked.missingSeconds = undefined;
    this.#credit(tracked, bytes);
    const ending = arrives && typeof key === 'number' ? this.#strangers.byCookie(key) : undefined;
    return ending !== undefined && this.#closeAfterwards(tracked, ending) ? undefined : tracked;
  }

  /** The closed subflow that a look still shows. */
  #closedShown({ key, socket }: Subflow, now: number): SubflowEnding | undefined {
    if (typeof key !== 'number') return undefined;
    const candidates = [this.#closed.byCookie(key), this.#closed.byTuple(fourTuple(socket.local, socket.remote), now)];
    return candidates.find((ended) => ended?.cookie === key && isSameSubflow(ended.subflow, socket));
  }

  /** A look shows a subflow under a key that is not open: announced before, or new. */
  #arrive({ key, path, socket }: Subflow, bytes: ByteCounters, now: number): TrackedSubflow {
    const tuple = fourTuple(socket.local, socket.remote);
    const announced = this.#open.byTuple(tuple);
    if (announced !== undefined && announced.key === undefined) {
      if (isSameToken(announced.token, socket.token)) {
        this.#open.identify(announced, key);
        announced.earlierEnding = undefined;
        return announced;
      }
      this.#presumeClosed(announced, now);
    }
    const found = this.#folds === 1;
    if (!found) this.#paths.of(path).subflowsEstablished++;
    return this.#track({ key, path, socket, tuple, bytes: found ? bytes : zeroed(bytes) }, now);
  }

  #track({ key, path, socket, tuple, bytes }: Arrival, now: number): TrackedSubflow {
    const tracked: TrackedSubflow = {
      key,
      local: socket.local,
      remote: socket.remote,
      tuple,
      token: socket.token,
      connection: undefined,
      path,
      toldReason: undefined,
      earlierEnding: undefined,
      sinceSeconds: now,
      fold: this.#folds + 1, // a look that is under way already need not show it
      missingSeconds: undefined,
      ...bytes,
      // A subflow born within a span has moved all it shows within that span.
      ...ratesFrom(bytes),
    };
    this.#open.add(tracked);
    return tracked;
  }

  /** It had been given up and is there still: goes on from what was known of it. */
  #reopen(ended: SubflowEnding): TrackedSubflow {
    this.#closed.count(ended, true);
    this.#closed.forget(ended);
    const { subflow } = ended;
    Object.assign(subflow, ratesFrom(subflow), { toldReason: undefined });
    this.#paths.of(subflow.path).subflowsEstablished++;
    this.#open.add(subflow);
    return subflow;
  }

  #credit(subflow: TrackedSubflow, bytes: ByteCounters): void {
    credit(this.#paths.of(subflow.path), subflow, bytes);
  }

  /** The open subflow that a notification means: by cookie, else by both ends when no look has shown its cookie. */
  #trackedBehind({ cookie, tuple, disconnected, seconds }: SocketEnding): TrackedSubflow | undefined {
    const same = cookie === undefined ? undefined : this.#open.byKey(cookie);
    if (same !== undefined) {
      if (disconnected || same.tuple === tuple) return same;
      this.#presumeClosed(same, seconds); // its socket was connected anew
    }
    const between = this.#open.byTuple(tuple);
    return cookie === undefined || typeof between?.key !== 'number' ? between : undefined;
  }

  #close(subflow: TrackedSubflow, { cookie, seconds, bytes, disconnected }: SocketEnding): void {
    if (disconnected || !isComplete(bytes) || isBehind(bytes, subflow)) {
      this.#paths.of(subflow.path).unaccountedCloses++;
    }
    if (!disconnected) this.#credit(subflow, bytes);
    this.#open.remove(subflow);
    const own = typeof subflow.key === 'number' ? subflow.key : undefined;
    const { tuple } = subflow;
    this.#closed.add({ cookie: cookie ?? own, tuple, seconds, fold: this.#folds, subflow, presumed: false });
  }

  /** Closes a subflow whose notification came before it was known to be one; `false` when it means another one. */
  #closeAfterwards(subflow: TrackedSubflow, ending: SocketEnding): boolean {
    if (!ending.disconnected && ending.tuple !== subflow.tuple) return false;
    this.#strangers.forget(ending);
    this.#close(subflow, ending);
    return true;
  }

  /** Gives a subflow up of whose end nothing tells, unless it was told before its birth. */
  #presumeClosed(subflow: TrackedSubflow, seconds: number): void {
    const { earlierEnding } = subflow;
    if (earlierEnding !== undefined && this.#closeAfterwards(subflow, earlierEnding)) return;
    this.#paths.of(subflow.path).unaccountedCloses++;
    this.#open.remove(subflow);
    const { key, tuple } = subflow;
    const cookie = typeof key === 'number' ? key : undefined;
    this.#closed.add({ cookie, tuple, seconds, fold: this.#folds, subflow, presumed: true });
  }

  #missUnseen(now: number): void {
    for (const subflow of this.#open) {
      if (subflow.fold === this.#folds) continue;
      subflow.missingSeconds ??= now;
      if (now - subflow.missingSeconds >= this.#graceSeconds) this.#presumeClosed(subflow, now);
    }
  }

  #boundUnseen(now: number): void {
    for (const subflow of this.#open.unseen) {
      if (this.#open.unseen.size <= MEMORY_LIMIT && now - subflow.sinceSeconds <= UNSEEN_SECONDS) return;
      this.#presumeClosed(subflow, now);
    }
  }
}

/** A disconnect (tcp_disconnect: MP_FASTCLOSE, or an initial subflow that its connection outlived) zeroes ends and counters. */
function isDisconnected({ local, remote }: { readonly local: SocketAddress; readonly remote: SocketAddress }): boolean {
  return remote.port === 0 || local.address === '0.0.0.0' || local.address === '::';
}
